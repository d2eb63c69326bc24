import fc from 'fast-check';
import type { LineRead, LineState, SeqRange } from '../booking/ledger/types.js';
import { lineFrom } from './line-from.js';
import type { LineView } from './line-view.js';
import { placeInLine } from './place.js';

const state = (change: Partial<LineState> = {}): LineState => ({
  offerId: 'offer',
  version: 1,
  lastSeq: 0,
  front: 1,
  waiting: 0,
  holdSeconds: 120,
  grantsPerMinute: 0,
  stock: { capacity: 10, available: 10, held: 0, sold: 0 },
  nights: null,
  soldOut: null,
  now: '2026-01-01T00:00:00.000Z',
  ...change,
});

const whole = (waiting: readonly SeqRange[], change: Partial<LineState> = {}): LineRead => ({
  state: state({
    lastSeq: waiting.at(-1)?.[1] ?? 0,
    waiting: waiting.reduce((sum, [from, to]) => sum + to - from + 1, 0),
    ...change,
  }),
  departed: null,
  waiting,
  stays: null,
});

const change = (departed: readonly SeqRange[], next: Partial<LineState>): LineRead => ({
  state: state(next),
  departed,
  waiting: null,
  stays: null,
});

/** What all see of a line of tickets that a first read tells of. */
const viewOf = (read: LineRead): LineView => lineFrom(read).view(null, 0);

describe('LineView', () => {
  it('places each booking behind those who wait before it', () => {
    const view = viewOf(whole([[1, 3], [7, 9]])); // prettier-ignore
    expect([1, 3, 5, 7, 9, 10].map((seq) => view.position(seq))).toEqual([1, 3, null, 4, 6, null]);
  });

  it('follows arrivals and departures of the same difference', () => {
    const line = lineFrom(whole([[1, 5]]));
    const view = line.view(null, 0);
    line.apply(change([[1, 2], [7, 7]], { version: 2, lastSeq: 8, waiting: 5 })); // prettier-ignore
    expect([1, 3, 6, 7, 8].map((seq) => view.position(seq))).toEqual([null, 1, 4, null, 5]);
    expect(line.agrees).toBe(true);
  });

  it('ignores a read that is older than itself', () => {
    const line = lineFrom(whole([[3, 5]], { version: 7 }));
    const view = line.view(null, 0);
    expect(line.apply(whole([[1, 5]], { version: 6 }))).toBe(false);
    expect(view.version).toBe(7);
    expect(view.position(3)).toBe(1);
  });

  it('starts from a whole read alone', () => {
    expect(() => lineFrom(change([], { version: 2 }))).toThrow(TypeError);
  });

  it('says so when the ledger counts otherwise', () => {
    expect(lineFrom(whole([[1, 5]], { waiting: 4 })).agrees).toBe(false);
  });

  it('estimates by the rate of grants where one is known, else by rounds of holds that all run out', () => {
    const stock = { capacity: 10, available: 0, held: 4, sold: 6 };
    const measured = viewOf(whole([[1, 9]], { grantsPerMinute: 7, stock }));
    expect([1, 8].map((position) => measured.estimatedWaitSeconds(position))).toEqual([9, 69]);
    const worst = viewOf(whole([[1, 9]], { stock }));
    expect([1, 4, 5, 9].map((position) => worst.estimatedWaitSeconds(position))).toEqual([0, 0, 120, 240]);
    const gone = viewOf(whole([[1, 9]], { stock: { capacity: 6, available: 0, held: 0, sold: 6 } }));
    expect(gone.estimatedWaitSeconds(3)).toBe(240);
  });

  it('tells the front as one past the last where nobody waits', () => {
    const view = viewOf(whole([], { lastSeq: 12 }));
    expect(view.event(0)).toMatchObject({ front: 13, last: 12, waiting: 0, departed: [] });
  });

  it('tells the time of now, not of the read', () => {
    expect(viewOf(whole([[1, 2]])).event(1500.4).serverTime).toBe('2026-01-01T00:00:01.500Z');
  });

  it('tells few departures number by number, and many in no more than 64 buckets', () => {
    const few = viewOf(whole([[10, 19], [21, 30], [33, 40]])); // prettier-ignore
    expect(few.event(0)).toMatchObject({ bucketSize: 1, departed: [[20, 1], [31, 1], [32, 1]] }); // prettier-ignore
    const ranges = Array.from({ length: 20_000 }, (_, index): SeqRange => [index * 5 + 1, index * 5 + 3]);
    const many = viewOf(whole(ranges)).event(0);
    expect(many.departed.length).toBeLessThanOrEqual(64);
    expect(many.departed.reduce((sum, [, gone]) => sum + gone, 0)).toBe(
      many.last - many.front + 1 - many.waiting,
    );
  });

  it('agrees with a plain set after any history, and its event places each client exactly or on the safe side', () => {
    const history = fc.array(
      fc.record({
        arrive: fc.integer({ min: 0, max: 150 }),
        leave: fc.array(
          fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 40 })),
          { maxLength: 6 },
        ),
        asWhole: fc.boolean(),
      }),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(history, (moves) => {
        const waiting = new Set<number>();
        let last = 0;
        const line = lineFrom(whole([]));
        const view = line.view(null, 0);
        moves.forEach(({ arrive, leave, asWhole }, index) => {
          for (let count = 0; count < arrive; count += 1) waiting.add((last += 1));
          const departed: SeqRange[] = [];
          for (const [where, length] of leave) {
            const from = 1 + Math.floor(where * last);
            const to = Math.min(last, from + length - 1);
            for (let seq = from; seq <= to; seq += 1) if (waiting.delete(seq)) departed.push([seq, seq]);
          }
          const next = { version: index + 2, lastSeq: last, waiting: waiting.size };
          const all = [...waiting].sort((a, b) => a - b).map((seq): SeqRange => [seq, seq]);
          line.apply(asWhole ? whole(all, next) : change(departed, next));
        });
        const event = view.event(0);
        expect(line.agrees).toBe(true);
        [...waiting]
          .sort((a, b) => a - b)
          .forEach((seq, index) => {
            if (index % 7 !== 0) return;
            expect(view.position(seq)).toBe(index + 1);
            const place = placeInLine(event, seq, 1);
            if (place.kind !== 'waiting')
              throw new Error(`${seq} waits, and its client is told ${place.kind}`);
            expect(place.position).toBeGreaterThanOrEqual(index + 1);
            expect(place.least).toBeLessThanOrEqual(index + 1);
            if (event.bucketSize === 1) expect(place.position).toBe(index + 1);
          });
        for (let seq = 1; seq <= last + 1; seq += 11)
          expect(view.position(seq) !== null).toBe(waiting.has(seq));
      }),
      { numRuns: 100 },
    );
  });
});
