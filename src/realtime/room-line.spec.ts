import fc from 'fast-check';
import type { LineRead, LineState, NightCounts, SeqRange, WaitingStay } from '../booking/ledger/types.js';
import { lineFrom } from './line-from.js';
import { type NightWindow, windowOf } from './night-window.js';
import { placeInLine } from './place.js';

const DAYS = 12;
const everyNight = (counts: (day: number) => readonly [number, number, number, number]): NightCounts[] =>
  Array.from({ length: DAYS }, (_, index): NightCounts => [index + 1, ...counts(index + 1)]);

/** A ledger's line of stays, in memory: it tells the whole, or what changed since a version and a number. */
class Stays {
  version = 1;
  lastSeq = 0;
  nights = everyNight(() => [5, 5, 0, 0]);
  readonly waiting = new Map<number, WaitingStay>();
  private readonly departures: { version: number; seq: number }[] = [];

  arrive(...windows: readonly NightWindow[]): void {
    this.version += 1;
    for (const [first, last] of windows) {
      this.lastSeq += 1;
      this.waiting.set(this.lastSeq, [this.lastSeq, first, last]);
    }
  }

  leave(...seqs: readonly number[]): void {
    this.version += 1;
    for (const seq of seqs) {
      if (this.waiting.delete(seq)) this.departures.push({ version: this.version, seq });
    }
  }

  read(known: { version: number; lastSeq: number } | null): LineRead {
    const state: LineState = {
      offerId: 'rooms',
      version: this.version,
      lastSeq: this.lastSeq,
      front: Math.min(...this.waiting.keys(), this.lastSeq + 1),
      waiting: this.waiting.size,
      holdSeconds: 120,
      grantsPerMinute: 30,
      stock: { capacity: 60, available: 60, held: 0, sold: 0 },
      nights: this.nights,
      soldOut: null,
      now: '2026-01-01T00:00:00.000Z',
    };
    const one = (seq: number): SeqRange => [seq, seq];
    const stays = [...this.waiting.values()];
    if (known === null) return { state, departed: null, waiting: [...this.waiting.keys()].map(one), stays };
    const since = this.departures.filter(({ version }) => version > known.version);
    return {
      state,
      departed: since.map(({ seq }) => one(seq)),
      waiting: null,
      stays: stays.filter(([seq]) => seq > known.lastSeq),
    };
  }

  /** Who waits and shares a night with the window, counted one by one. */
  rivals([first, last]: NightWindow): number[] {
    return [...this.waiting.values()]
      .filter(([, from, to]) => from <= last && to >= first)
      .map(([seq]) => seq);
  }
}

describe('RoomLine', () => {
  it('counts before a stay only those that share a night with it', () => {
    const stays = new Stays();
    stays.arrive([1, 2], [4, 6], [2, 4], [8, 9], [1, 9]);
    const line = lineFrom(stays.read(null));
    const places = [...stays.waiting.values()].map(([seq, ...window]) => line.view(window, 0).position(seq));
    expect(places).toEqual([1, 1, 3, 1, 5]);
    expect(line.view(null, 0).position(5)).toBe(5);
  });

  it('moves nobody, and has nothing new to tell, when a stay of other nights leaves', () => {
    const stays = new Stays();
    stays.arrive([1, 3], [5, 6], [2, 2]);
    const line = lineFrom(stays.read(null));
    const view = line.view([2, 2], 0);
    stays.leave(2);
    line.apply(stays.read(line.known));
    expect([view.version, view.changedAt, view.position(3)]).toEqual([3, 2, 2]);
    stays.leave(1);
    line.apply(stays.read(line.known));
    expect([view.version, view.changedAt, view.position(3)]).toEqual([4, 4, 1]);
  });

  it('tells the stock as one stay over all of its nights sees it, and that it changed', () => {
    const stays = new Stays();
    stays.nights = [
      [3, 9, 0, 4, 5],
      [4, 4, 2, 2, 0],
      [5, 8, 1, 0, 7],
      [6, 1, 1, 0, 0],
    ];
    stays.arrive([3, 5]);
    const line = lineFrom(stays.read(null));
    const view = line.view([3, 5], 0);
    expect(view.event(0)).toMatchObject({
      stay: { checkIn: '1970-01-04', checkOut: '1970-01-07' },
      stock: { capacity: 4, available: 0, held: 1, sold: 3 },
      grantsPerMinute: 0,
    });
    // what one night has left decides how many rounds of holds there are
    expect([1, 2, 3].map((position) => view.estimatedWaitSeconds(position))).toEqual([0, 120, 240]);
    stays.version += 1;
    stays.nights = stays.nights.map(([day, ...counts]) => (day === 6 ? [6, 7, 7, 0, 0] : [day, ...counts]));
    line.apply(stays.read(line.known));
    expect(view.changedAt).toBe(2);
    stays.version += 1;
    stays.nights = stays.nights.map(([day, ...counts]) => (day === 5 ? [5, 9, 2, 0, 7] : [day, ...counts]));
    line.apply(stays.read(line.known));
    expect(view.changedAt).toBe(4);
    expect(view.event(0).stock).toEqual({ capacity: 4, available: 0, held: 2, sold: 2 });
  });

  it('has nothing for nights that are over', () => {
    const stays = new Stays();
    stays.nights = [];
    stays.arrive([1, 2]);
    expect(lineFrom(stays.read(null)).view([1, 2], 0).event(0).stock).toEqual({
      capacity: 0,
      available: 0,
      held: 0,
      sold: 0,
    });
  });

  it('forgets a window that nobody looks through, and makes it anew when somebody does', () => {
    const stays = new Stays();
    stays.arrive([1, 3], [2, 4]);
    const line = lineFrom(stays.read(null));
    const [old, kept] = [line.view([1, 3], 0), line.view([2, 4], 100)];
    line.forget(50);
    stays.leave(1);
    line.apply(stays.read(line.known));
    expect(line.view([2, 4], 200)).toBe(kept);
    expect(line.view([1, 3], 200)).not.toBe(old);
    expect([old.version, line.view([1, 3], 200).waiting]).toEqual([2, 1]);
  });

  it('is mended by a whole read, in every window', () => {
    const stays = new Stays();
    stays.arrive([1, 3], [2, 4], [6, 6]);
    const line = lineFrom(stays.read(null));
    const view = line.view([2, 4], 0);
    // a departure that no difference tells of
    stays.waiting.delete(1);
    stays.version += 1;
    line.apply(stays.read(line.known));
    expect(line.agrees).toBe(false);
    line.apply(stays.read(null));
    expect([line.agrees, view.position(2)]).toEqual([true, 1]);
  });

  const window = fc
    .tuple(fc.integer({ min: 1, max: DAYS }), fc.integer({ min: 0, max: 5 }))
    .map(([first, more]): NightWindow => [first, Math.min(DAYS, first + more)]);

  it('shows each window just those who share a night with it, after any history of reads', () => {
    const history = fc.array(
      fc.record({
        arrive: fc.array(window, { maxLength: 30 }),
        leave: fc.array(fc.nat(), { maxLength: 10 }),
        look: fc.array(window, { maxLength: 3 }),
        read: fc.constantFrom('whole', 'difference', 'stale', 'none'),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(history, (moves) => {
        const stays = new Stays();
        const line = lineFrom(stays.read(null));
        const looked = new Map<string, NightWindow>();
        for (const { arrive, leave, look, read } of moves) {
          for (const seen of look) {
            looked.set(String(seen), seen);
            line.view(seen, 0);
          }
          const before = read === 'stale' ? stays.read(null) : null;
          stays.arrive(...arrive);
          stays.leave(...leave.map((pick) => 1 + (pick % Math.max(1, stays.lastSeq))));
          if (read !== 'none') line.apply(stays.read(read === 'whole' ? null : line.known));
          if (before !== null) expect(line.apply(before)).toBe(false);
        }
        line.apply(stays.read(line.known));
        expect(line.agrees).toBe(true);
        for (const seen of looked.values()) {
          const view = line.view(seen, 0);
          const event = view.event(0);
          const rivals = stays.rivals(seen);
          expect([view.version, view.waiting]).toEqual([stays.version, rivals.length]);
          rivals.forEach((seq, index) => {
            expect(view.position(seq)).toBe(index + 1);
            const place = placeInLine(event, seq, 1);
            if (place.kind !== 'waiting')
              throw new Error(`${seq} waits, and its client is told ${place.kind}`);
            expect(place.position).toBeGreaterThanOrEqual(index + 1);
            expect(place.least).toBeLessThanOrEqual(index + 1);
          });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('places clients by its events to within one bucket, though most of its numbers are of other nights', () => {
    const stays = new Stays();
    stays.arrive(
      ...Array.from({ length: 20_000 }, (_, index): NightWindow => [1 + (index % 9), 1 + (index % 9)]),
    );
    const view = lineFrom(stays.read(null)).view([4, 4], 0);
    const event = view.event(0);
    expect(event.departed.length).toBeLessThanOrEqual(64);
    for (const [index, seq] of stays.rivals([4, 4]).entries()) {
      const place = placeInLine(event, seq, 1);
      if (place.kind !== 'waiting') throw new Error(`${seq} waits, and its client is told ${place.kind}`);
      expect(place.position - index - 1).toBeLessThanOrEqual(event.bucketSize / 9 + 1);
      expect(place.position).toBeGreaterThan(index);
    }
  });
});

describe('The window of a stay', () => {
  it('is its nights, without the day of departure, in any month and year', () => {
    expect(windowOf({ checkIn: '2028-02-28', checkOut: '2028-03-01' })).toEqual([21_242, 21_243]);
    expect(windowOf({ checkIn: '2027-12-31', checkOut: '2028-01-01' })).toEqual([21_183, 21_183]);
    expect(windowOf(null)).toBeNull();
  });
});
