import fc from 'fast-check';
import { SeqSet } from './seq-set.js';

type Step = { readonly add: boolean; readonly from: number; readonly length: number };

const steps = (origin: number, span: number) =>
  fc.array(
    fc.record({
      add: fc.boolean(),
      from: fc.integer({ min: origin, max: origin + span }),
      length: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: span })),
    }),
    { maxLength: 25 },
  );

function both(plan: readonly Step[]): { fast: SeqSet; naive: Set<number> } {
  const fast = new SeqSet();
  const naive = new Set<number>();
  for (const { add, from, length } of plan) {
    if (add) fast.addRange(from, from + length - 1);
    else fast.deleteRange(from, from + length - 1);
    for (let seq = from; seq < from + length; seq += 1) {
      if (add) naive.add(seq);
      else naive.delete(seq);
    }
  }
  return { fast, naive };
}

describe('SeqSet', () => {
  it.each([
    [1, 5000],
    [2_000_000_000, 3000],
  ])('counts, finds and selects as a plain set does, from %i on', (origin, span) => {
    fc.assert(
      fc.property(
        steps(origin, span),
        fc.array(fc.integer({ min: origin - 2000, max: origin + 3 * span })),
        (plan, probes) => {
          const { fast, naive } = both(plan);
          const sorted = [...naive].sort((a, b) => a - b);
          expect(fast.size).toBe(sorted.length);
          for (const probe of [...probes, ...sorted.slice(0, 5), ...sorted.slice(-5)]) {
            expect(fast.has(probe)).toBe(naive.has(probe));
            expect(fast.countBelow(probe)).toBe(sorted.filter((seq) => seq < probe).length);
          }
          for (const rank of [0, 1, 2, sorted.length >> 1, sorted.length, sorted.length + 1]) {
            expect(fast.select(rank)).toBe(rank < 1 ? null : (sorted[rank - 1] ?? null));
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('knows nothing while it is empty', () => {
    const set = new SeqSet();
    expect([set.size, set.has(0), set.countBelow(100), set.select(1)]).toEqual([0, false, 0, null]);
  });

  it('follows a line of millions whose front moves on, without keeping what has left', () => {
    const set = new SeqSet();
    for (let first = 1; first < 3_000_000; first += 10_000) {
      set.addRange(first, first + 9_999);
      set.deleteRange(1, first - 1);
    }
    expect(set.size).toBe(10_000);
    expect(set.select(1)).toBe(2_990_001);
    expect(set.countBelow(2_995_001)).toBe(5_000);
  });
});
