import fc from 'fast-check';
import { Buckets } from './buckets.js';

const bucketsOf = (limit: number, windowMs: number): Buckets =>
  new Buckets('customer', { limit, windowMs }, 1000, limit, () => false);

/** A bucket as one would explain it: what is in it runs out evenly, and a request for which there is no room is refused. */
class Model {
  private inIt = 0n;
  private at = 0;

  /** Reckons in fractions of a request, so that nothing is rounded. */
  constructor(
    private readonly limit: bigint,
    private readonly windowMs: bigint,
  ) {}

  take(cost: number, now: number): { allowed: boolean; remaining: number } {
    const runOut = BigInt(now - this.at) * this.limit;
    this.inIt = runOut > this.inIt ? 0n : this.inIt - runOut;
    this.at = now;
    const filled = this.inIt + BigInt(cost) * this.windowMs;
    const room = this.limit * this.windowMs - filled;
    if (room < 0n) return { allowed: false, remaining: 0 };
    this.inIt = filled;
    return { allowed: true, remaining: Number(room / this.windowMs) };
  }
}

const quota = fc.record({
  limit: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1_000_000 })),
  windowMs: fc.integer({ min: 1, max: 86_400 }).map((seconds) => seconds * 1000),
});
const requests = (windowMs: number): fc.Arbitrary<{ wait: number; cost: number }[]> =>
  fc.array(fc.record({ wait: fc.integer({ min: 0, max: windowMs }), cost: fc.integer({ min: 1, max: 3 }) }), {
    maxLength: 60,
  });

describe('a bucket', () => {
  it('is the plain model of one, whatever the quota and whenever requests come', () => {
    const program = quota.chain((of) => fc.tuple(fc.constant(of), requests(of.windowMs)));
    fc.assert(
      fc.property(program, ([{ limit, windowMs }, calls]) => {
        const buckets = bucketsOf(limit, windowMs);
        const model = new Model(BigInt(limit), BigInt(windowMs));
        let now = 0;
        for (const { wait, cost } of calls) {
          now += wait;
          expect(buckets.take('who', cost, now)).toMatchObject(model.take(cost, now));
        }
      }),
    );
  });

  it('lets a request in again exactly when it says, and not a millisecond sooner', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), quota, (limit, { windowMs }) => {
        const isIn = (early: number): boolean => {
          const buckets = bucketsOf(limit, windowMs);
          for (let i = 0; i < limit; i++) buckets.take('who', 1, 0);
          const { allowed, retryAfterMs } = buckets.take('who', 1, 0);
          expect(allowed).toBe(false);
          return buckets.take('who', 1, retryAfterMs - early).allowed;
        };
        expect([isIn(0), isIn(1)]).toEqual([true, false]);
      }),
    );
  });

  it('gives nobody more than the quota at once, nor as much as twice the quota in a window', () => {
    const buckets = bucketsOf(60, 60_000);
    let allowed = 0;
    for (let i = 0; i < 100; i++) if (buckets.take('who', 1, 0).allowed) allowed++;
    expect(allowed).toBe(60);
    for (let now = 1; now < 60_000; now += 7) if (buckets.take('who', 1, now).allowed) allowed++;
    expect(allowed).toBe(119);
  });

  it('belongs to one subject alone', () => {
    const buckets = bucketsOf(1, 1000);
    expect(['ann', 'ann', 'bob'].map((who) => buckets.take(who, 1, 0).allowed)).toEqual([true, false, true]);
  });

  it('loses nothing to what it refuses', () => {
    const buckets = bucketsOf(2, 2000);
    for (let i = 0; i < 50; i++) buckets.take('who', 1, 0);
    expect(buckets.take('who', 1, 1000).allowed).toBe(true);
  });
});
