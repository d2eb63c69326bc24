import fc from 'fast-check';
import type { LineEvent } from './events.js';
import { placeInLine } from './place.js';

const event = (change: Partial<LineEvent>): LineEvent => ({
  offerId: 'offer',
  stay: null,
  version: 1,
  front: 1,
  last: 100,
  waiting: 100,
  bucketSize: 10,
  departed: [],
  grantsPerMinute: 0,
  stock: { capacity: 10, available: 10, held: 0, sold: 0 },
  soldOut: null,
  serverTime: '2026-01-01T00:00:00.000Z',
  ...change,
});

/** The event that a server would send of a line where exactly `waiting` of 1 to `last` wait. */
function eventOf(waiting: ReadonlySet<number>, last: number, bucketSize: number): LineEvent {
  const front = waiting.size === 0 ? last + 1 : Math.min(...waiting);
  const departed = new Map<number, number>();
  for (let seq = front; seq <= last; seq += 1) {
    const bucket = Math.floor(seq / bucketSize);
    if (!waiting.has(seq)) departed.set(bucket, (departed.get(bucket) ?? 0) + 1);
  }
  return event({ front, last, waiting: waiting.size, bucketSize, departed: [...departed] });
}

const positionOf = (waiting: ReadonlySet<number>, seq: number): number =>
  1 + [...waiting].filter((other) => other < seq).length;

describe('placeInLine', () => {
  it('counts from the front where nobody has left', () => {
    expect(placeInLine(event({ front: 4 }), 4, 1)).toEqual({ kind: 'waiting', position: 1, least: 1 });
    expect(placeInLine(event({ front: 4 }), 57, 1)).toEqual({ kind: 'waiting', position: 54, least: 54 });
  });

  it('takes off exactly those who left from earlier buckets, and none from later ones', () => {
    const departed = [
      [1, 3],
      [2, 4],
      [8, 5],
    ] as const;
    expect(placeInLine(event({ departed }), 57, 1)).toEqual({ kind: 'waiting', position: 50, least: 50 });
  });

  it('gives an upper and a lower bound where some have left its own bucket', () => {
    expect(placeInLine(event({ departed: [[5, 2]] }), 57, 1)).toEqual({
      kind: 'waiting',
      position: 57,
      least: 55,
    });
  });

  it('is exact where more have left its own bucket than stood behind', () => {
    expect(placeInLine(event({ departed: [[5, 9]] }), 57, 1)).toEqual({
      kind: 'waiting',
      position: 50,
      least: 50,
    });
  });

  it('says departed for what lies behind the front', () => {
    expect(placeInLine(event({ front: 58 }), 57, 1)).toEqual({ kind: 'departed' });
  });

  it('says departed where its whole bucket has left', () => {
    expect(placeInLine(event({ departed: [[5, 10]] }), 57, 1)).toEqual({ kind: 'departed' });
  });

  it('says covered up to the last number of a sell-out, for at least the quantity that it names', () => {
    const soldOut = { throughSeq: 60, minQuantity: 2 };
    expect(placeInLine(event({ soldOut }), 60, 2)).toEqual({ kind: 'covered' });
    expect(placeInLine(event({ soldOut }), 60, 1).kind).toBe('waiting');
    expect(placeInLine(event({ soldOut }), 61, 2).kind).toBe('waiting');
  });

  it('knows nobody behind a booking that came after the event', () => {
    expect(placeInLine(event({ last: 50, front: 41 }), 57, 1)).toEqual({
      kind: 'waiting',
      position: 17,
      least: 17,
    });
  });

  it('never says less than the true position, and never a lower bound above it', () => {
    const lines = fc
      .record({ last: fc.integer({ min: 1, max: 60 }), bucketSize: fc.integer({ min: 1, max: 16 }) })
      .chain(({ last, bucketSize }) =>
        fc.record({
          last: fc.constant(last),
          bucketSize: fc.constant(bucketSize),
          waits: fc.array(fc.boolean(), { minLength: last, maxLength: last }),
        }),
      );
    fc.assert(
      fc.property(lines, ({ last, bucketSize, waits }) => {
        const waiting = new Set(waits.flatMap((waitsStill, index) => (waitsStill ? [index + 1] : [])));
        const sent = eventOf(waiting, last, bucketSize);
        for (const seq of waiting) {
          const place = placeInLine(sent, seq, 1);
          const truth = positionOf(waiting, seq);
          if (place.kind !== 'waiting') throw new Error(`${seq} waits, and was placed as ${place.kind}`);
          expect(place.position).toBeGreaterThanOrEqual(truth);
          expect(place.least).toBeLessThanOrEqual(truth);
        }
      }),
    );
  });
});
