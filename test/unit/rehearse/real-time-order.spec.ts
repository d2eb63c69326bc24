import fc from 'fast-check';
import { judgeRealTimeOrder, type SeenAcceptance } from '../../../scripts/rehearse/real-time-order.js';

const seen = (name: string, seq: number, sentAt: number, answeredAt: number): SeenAcceptance => ({
  name,
  seq,
  sentAt,
  answeredAt,
});

describe('the real-time clause of A2', () => {
  it('is broken where somebody answered earlier got a larger number than somebody who asked later', () => {
    const { violations } = judgeRealTimeOrder([seen('anna', 2, 0, 10), seen('bert', 1, 11, 20)]);
    expect(violations).toEqual(['anna was answered with number 2 before bert was sent, which got 1']);
  });

  it('says nothing about requests that were under way together', () => {
    expect(judgeRealTimeOrder([seen('anna', 2, 0, 10), seen('bert', 1, 10, 20)])).toEqual({
      pairs: 0,
      violations: [],
    });
  });

  it('finds a number that was given twice', () => {
    const { violations } = judgeRealTimeOrder([seen('anna', 1, 0, 10), seen('bert', 1, 5, 20)]);
    expect(violations).toEqual(['number 1 was given to anna and to bert']);
  });

  it('agrees with comparing every pair', () => {
    const one = fc.record({ sent: fc.integer({ min: 0, max: 50 }), took: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 25 }), fc.infiniteStream(fc.nat()), (times, keys) => {
        const order = times.map(() => keys.next().value);
        const ranks = [...order.keys()].sort((a, b) => (order[a] ?? 0) - (order[b] ?? 0));
        const all = times.map(({ sent, took }, index) =>
          seen(String(index), ranks.indexOf(index) + 1, sent, sent + took),
        );
        const pairs = all.flatMap((a) =>
          all.filter((b) => a.answeredAt < b.sentAt).map((b) => [a, b] as const),
        );
        const verdict = judgeRealTimeOrder(all);
        expect(verdict.pairs).toBe(pairs.length);
        expect(verdict.violations.length > 0).toBe(pairs.some(([a, b]) => a.seq >= b.seq));
      }),
    );
  });
});
