import type { LineRead, LineState, WaitingStay } from '../booking/ledger/types.js';
import { LineReader } from './active-line.js';
import { BoardPusher } from './board-pusher.js';
import type { LineEvent } from './events.js';
import { LineViews } from './line-views.js';
import type { NightWindow } from './night-window.js';
import { PUSH_COST_MS, PUSH_SHARE } from './push-budget.js';

const WAITING = 30_000;

/** A line of which only the front moves. */
class MovingLine extends LineReader {
  state: LineState = {
    offerId: 'offer',
    version: 1,
    lastSeq: WAITING,
    front: 1,
    waiting: WAITING,
    holdSeconds: 120,
    grantsPerMinute: 0,
    stock: { capacity: 10, available: 10, held: 0, sold: 0 },
    nights: null,
    soldOut: null,
    now: '2026-01-01T00:00:00.000Z',
  };

  private stays: WaitingStay[] | null = null;

  grantThrough(seq: number): void {
    this.state = { ...this.state, version: this.state.version + 1, front: seq + 1, waiting: WAITING - seq };
  }

  /** The line is one of rooms from here on: who waits, by number, for which nights; null: nobody. */
  rooms(...stays: readonly (NightWindow | null)[]): void {
    this.stays = stays.flatMap((nights, index): WaitingStay[] =>
      nights === null ? [] : [[index + 1, ...nights]],
    );
    const { length } = this.stays;
    this.state = { ...this.state, version: this.state.version + 1, lastSeq: 3, waiting: length, nights: [] };
  }

  override readLine(_offerId: string, known: unknown): Promise<LineRead> {
    const { state, stays } = this;
    if (stays !== null && known === null)
      return Promise.resolve({ state, departed: null, waiting: [], stays });
    if (stays !== null) {
      const departed = [1, 2, 3].filter((seq) => !stays.some(([other]) => other === seq));
      return Promise.resolve({
        state,
        departed: departed.map((seq) => [seq, seq]),
        waiting: null,
        stays: [],
      });
    }
    return Promise.resolve({ state, departed: null, waiting: [[state.front, state.lastSeq]], stays: null });
  }
}

describe('BoardPusher', () => {
  let line: MovingLine;
  let views: LineViews;
  let pusher: BoardPusher;
  let rooms: Map<string, Set<string>>;
  let told: { at: number; room: string; sockets: string[]; event: LineEvent }[];

  beforeEach(() => {
    jest.useFakeTimers();
    line = new MovingLine();
    views = new LineViews(line);
    rooms = new Map();
    told = [];
    pusher = new BoardPusher(views, {
      join: (id, room) => rooms.set(room, (rooms.get(room) ?? new Set()).add(id)),
      leave: (id, room) => rooms.get(room)?.delete(id),
      tell: (room, event) =>
        told.push({ at: performance.now(), room, sockets: [...(rooms.get(room) ?? [])], event }),
    });
  });

  afterEach(() => {
    pusher.close();
    views.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const join = async (...seqs: number[]): Promise<void> => {
    const event = await views.event('offer', 0, null);
    for (const seq of seqs) pusher.add(`socket-${seq}`, event, seq, null);
  };
  /** Moves the line each 200 ms and gives how often each socket was told. */
  const move = async (seconds: number): Promise<(seq: number) => number> => {
    told = [];
    for (let step = 0; step < seconds * 5; step += 1) {
      line.grantThrough(line.state.front);
      views.doubtAll();
      await jest.advanceTimersByTimeAsync(200);
    }
    return (seq) => told.filter(({ sockets }) => sockets.includes(`socket-${seq}`)).length;
  };
  const everybody = Array.from({ length: WAITING / 10 }, (_, index) => (index + 1) * 10);

  it('tells those near the head often, and those far back seldom', async () => {
    await join(5000, 900, 90, 25_000);
    const times = await move(20);
    expect(times(90)).toBeGreaterThanOrEqual(40);
    expect(times(900)).toBeGreaterThanOrEqual(15);
    expect(times(900)).toBeLessThanOrEqual(21);
    expect(times(5000)).toBeGreaterThanOrEqual(3);
    expect(times(5000)).toBeLessThanOrEqual(5);
    expect(times(25_000)).toBeGreaterThanOrEqual(1);
    expect(times(25_000)).toBeLessThanOrEqual(2);
  });

  it('tells more often who comes nearer', async () => {
    await join(5000);
    line.grantThrough(4950);
    await move(6);
    const times = await move(4);
    expect(times(5000)).toBeGreaterThanOrEqual(8);
  });

  it('tells nobody while nothing changes', async () => {
    await join(5, 500);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(told).toEqual([]);
  });

  it('stays within its share of a core, however many there are', async () => {
    await join(...everybody);
    await move(2);
    const before = pusher.events;
    await move(20);
    expect((pusher.events - before) * PUSH_COST_MS).toBeLessThanOrEqual(20_000 * PUSH_SHARE + 100);
  });

  it('tells everybody of a sell-out at once', async () => {
    await join(...everybody);
    line.state = { ...line.state, version: 2, soldOut: { throughSeq: WAITING, minQuantity: 1 } };
    views.hint('offer', 2);
    await jest.advanceTimersByTimeAsync(500);
    const heard = new Set(
      told.filter(({ event }) => event.soldOut !== null).flatMap(({ sockets }) => sockets),
    );
    expect(heard.size).toBe(everybody.length);
    expect(told.flatMap(({ sockets }) => sockets)).toHaveLength(everybody.length);
  });

  it('never tells a version older than one before', async () => {
    await join(5, 500, 5000);
    await move(10);
    const versions = told.map(({ event }) => event.version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  it('tells each window of a line of rooms its own, to those who wait for its nights alone', async () => {
    line.rooms([1, 3], [5, 6], [2, 2]);
    const windows: NightWindow[] = [[1, 3], [5, 6], [2, 2]]; // prettier-ignore
    for (const [index, window] of windows.entries()) {
      const event = await views.event('offer', 0, window);
      pusher.add(`socket-${index + 1}`, event, index + 1, window);
      pusher.add('socket-of-all', event, index + 1, window);
    }
    line.rooms(null, [5, 6], [2, 2]);
    views.doubtAll();
    await jest.advanceTimersByTimeAsync(1000);
    const heard = told.map(({ sockets, event }) => [event.stay?.checkIn, event.waiting, ...sockets]);
    expect(heard.sort()).toEqual([
      ['1970-01-02', 1, 'socket-1', 'socket-of-all'],
      ['1970-01-03', 1, 'socket-3', 'socket-of-all'],
    ]);
    told = [];
    const lines = windows.map((window) => ({ offerId: 'offer', window }));
    for (const socket of ['socket-of-all', 'socket-1', 'socket-3']) pusher.remove(socket, lines);
    line.rooms(null, null, null);
    views.doubtAll();
    await jest.advanceTimersByTimeAsync(20_000);
    expect(told.map(({ event }) => [event.stay?.checkIn, event.waiting])).toEqual([['1970-01-06', 0]]);
  });

  it('counts a socket with several bookings once, at its nearest, and forgets it when it has gone', async () => {
    const event = await views.event('offer', 0, null);
    pusher.add('socket', event, 20_000, null);
    pusher.add('socket', event, 50, null);
    pusher.add('socket', event, 3000, null);
    expect([...rooms.values()].filter((members) => members.has('socket'))).toHaveLength(1);
    await move(5);
    expect(told.length).toBeGreaterThanOrEqual(10);
    pusher.remove('socket', [{ offerId: 'offer', window: null }]);
    await move(2);
    expect(told).toEqual([]);
  });
});
