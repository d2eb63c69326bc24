import type { LineRead, SeqRange, WaitingStay } from '../booking/ledger/types.js';
import { LineReader } from './active-line.js';
import { LineViews } from './line-views.js';

/** A ledger of one line, in memory, that can be slow or down, and counts how often it is read. */
class StubLedger extends LineReader {
  reads: ({ version: number; lastSeq: number } | null)[] = [];
  waiting = new Set<number>();
  version = 1;
  lastSeq = 0;
  /** Each stay is for the one night that has its number. */
  rooms = false;
  down = false;
  delayMs = 0;
  private readonly departures: { version: number; seq: number }[] = [];

  arrive(count: number): void {
    this.version += 1;
    for (let index = 0; index < count; index += 1) this.waiting.add((this.lastSeq += 1));
  }

  leave(...seqs: number[]): void {
    this.version += 1;
    for (const seq of seqs) {
      this.waiting.delete(seq);
      this.departures.push({ version: this.version, seq });
    }
  }

  override async readLine(
    offerId: string,
    known: { version: number; lastSeq: number } | null,
  ): Promise<LineRead | null> {
    this.reads.push(known);
    const answer = offerId === 'offer' ? this.answer(known) : null;
    const { down } = this;
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (down) throw new Error('the ledger is down');
    return answer;
  }

  private stays(after: number): WaitingStay[] | null {
    if (!this.rooms) return null;
    return [...this.waiting].filter((seq) => seq > after).map((seq) => [seq, seq, seq]);
  }

  private answer(known: { version: number; lastSeq: number } | null): LineRead {
    const state = {
      offerId: 'offer',
      version: this.version,
      lastSeq: this.lastSeq,
      front: Math.min(...this.waiting, this.lastSeq + 1),
      waiting: this.waiting.size,
      holdSeconds: 120,
      grantsPerMinute: 0,
      stock: { capacity: 10, available: 10, held: 0, sold: 0 },
      nights: null,
      soldOut: null,
      now: new Date().toISOString(),
    };
    const one = (seq: number): SeqRange => [seq, seq];
    if (known === null) {
      const waiting = [...this.waiting].sort((a, b) => a - b).map(one);
      return { state, departed: null, waiting, stays: this.stays(0) };
    }
    const since = this.departures.filter(({ version }) => version > known.version);
    return {
      state,
      departed: since.map(({ seq }) => one(seq)),
      waiting: null,
      stays: this.stays(known.lastSeq),
    };
  }
}

describe('LineViews', () => {
  let ledger: StubLedger;
  let views: LineViews;
  let failures: unknown[];
  let changes: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    ledger = new StubLedger();
    failures = [];
    changes = [];
    views = new LineViews(ledger, (error) => failures.push(error));
    views.onChange((offerId) => changes.push(offerId));
  });

  afterEach(() => {
    views.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const position = async (seq: number, version = 0): Promise<unknown> =>
    await views.position('offer', seq, version, null);
  const waits = (place: number, version: number): unknown => ({
    waiting: true,
    position: place,
    estimatedWaitSeconds: 0,
    version,
  });

  it('answers from the view, without asking the ledger each time', async () => {
    ledger.arrive(5);
    for (let times = 0; times < 100; times += 1) expect(await position(3)).toEqual(waits(3, 2));
    expect(ledger.reads).toEqual([null]);
  });

  it('never answers older than the version that the caller has seen', async () => {
    ledger.arrive(5);
    await position(3);
    ledger.leave(1);
    expect(await position(3, ledger.version)).toEqual(waits(2, 3));
    expect(ledger.reads).toEqual([null, { version: 2, lastSeq: 5 }]);
  });

  it('reads first where the booking came after the view', async () => {
    ledger.arrive(2);
    await position(1);
    ledger.arrive(1);
    expect(await position(3)).toEqual(waits(3, 3));
  });

  it('says that a booking waits no more, and at which version', async () => {
    ledger.arrive(2);
    ledger.leave(1);
    expect(await position(1)).toEqual({ waiting: false, version: 3 });
  });

  it('shares one read among all who wait, and a second one among those who came after it began', async () => {
    ledger.delayMs = 50;
    ledger.arrive(3);
    const first = Array.from({ length: 100 }, () => position(1));
    await jest.advanceTimersByTimeAsync(10);
    ledger.leave(1);
    const second = Array.from({ length: 100 }, () => position(2, ledger.version));
    await jest.advanceTimersByTimeAsync(200);
    expect(new Set((await Promise.all(first)).map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify(waits(1, 2))]),
    );
    for (const answer of await Promise.all(second)) expect(answer).toEqual(waits(1, 3));
    expect(ledger.reads).toHaveLength(2);
  });

  it('answers a version that the ledger never had with what the ledger has, after two reads at most', async () => {
    ledger.arrive(3);
    expect(await position(2, 999_999)).toEqual(waits(2, 2));
    expect(ledger.reads.length).toBeLessThanOrEqual(2);
  });

  it('refuses an offer that does not exist, and remembers nothing of it', async () => {
    await expect(views.position('nothing', 1, 0, null)).rejects.toMatchObject({ code: 'OFFER_NOT_FOUND' });
    await expect(views.event('nothing', 0, null)).rejects.toMatchObject({ code: 'OFFER_NOT_FOUND' });
    expect(views.active).toBe(0);
  });

  it('is within a second of the ledger without any hint', async () => {
    ledger.arrive(3);
    await position(3);
    ledger.leave(1, 2);
    await jest.advanceTimersByTimeAsync(1000);
    expect(views.peek('offer', null)?.view.position(3)).toBe(1);
    expect(changes).toEqual(['offer', 'offer']);
  });

  it('follows a hint within a tenth of a second, however many hints come', async () => {
    ledger.arrive(3);
    await position(3);
    for (let times = 0; times < 50; times += 1) {
      ledger.arrive(1);
      views.hint('offer', ledger.version);
      await jest.advanceTimersByTimeAsync(10);
    }
    await jest.advanceTimersByTimeAsync(100);
    expect(views.peek('offer', null)?.view.version).toBe(ledger.version);
    expect(ledger.reads.length).toBeLessThanOrEqual(8);
  });

  it('reads at once after a doubt', async () => {
    ledger.arrive(3);
    await position(3);
    await jest.advanceTimersByTimeAsync(200);
    ledger.leave(2);
    views.doubtAll();
    await jest.advanceTimersByTimeAsync(0);
    expect(views.peek('offer', null)?.view.version).toBe(ledger.version);
  });

  it('ignores hints of lines that nobody asks about', async () => {
    views.hint('offer', 7);
    await jest.advanceTimersByTimeAsync(5000);
    expect(ledger.reads).toEqual([]);
    expect(views.active).toBe(0);
  });

  it('drops a line after a minute without interest, and not while somebody looks', async () => {
    ledger.arrive(1);
    await position(1);
    for (let seconds = 0; seconds < 90; seconds += 10) {
      await jest.advanceTimersByTimeAsync(10_000);
      expect(views.peek('offer', null)).not.toBeNull();
    }
    await jest.advanceTimersByTimeAsync(62_000);
    expect(views.active).toBe(0);
    const { length } = ledger.reads;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(ledger.reads).toHaveLength(length);
  });

  it('reads a line of rooms once for all of its windows, and drops each after a minute without interest', async () => {
    ledger.rooms = true;
    ledger.arrive(3);
    await views.position('offer', 1, 0, [1, 1]);
    const [left, kept] = [views.peek('offer', [1, 1])?.view, views.peek('offer', [2, 2])?.view];
    for (let seconds = 0; seconds < 70; seconds += 10) {
      await jest.advanceTimersByTimeAsync(10_000);
      expect(views.peek('offer', [2, 2])?.view).toBe(kept);
    }
    expect(ledger.reads.length).toBeLessThanOrEqual(79);
    expect(ledger.reads.filter((known) => known === null)).toHaveLength(1);
    expect(views.peek('offer', [1, 1])?.view).not.toBe(left);
    expect(await views.position('offer', 2, 0, [2, 2])).toEqual(waits(1, 2));
  });

  it('mends a view that the ledger counts otherwise by a whole read', async () => {
    ledger.arrive(3);
    await position(3);
    // a departure that no difference tells of
    ledger.waiting.delete(1);
    ledger.version += 1;
    await jest.advanceTimersByTimeAsync(2000);
    expect(views.peek('offer', null)?.view.position(3)).toBe(2);
    expect(ledger.reads.filter((known) => known === null)).toHaveLength(2);
  });

  it('gives no answer from a view that the ledger could not confirm for two seconds', async () => {
    ledger.arrive(3);
    await position(3);
    ledger.down = true;
    await jest.advanceTimersByTimeAsync(3000);
    await expect(position(3)).rejects.toThrow('the ledger is down');
    expect(failures.length).toBeGreaterThan(0);
    ledger.down = false;
    expect(await position(3)).toEqual(waits(3, 2));
  });
});
