import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { EXCHANGE_MS } from './level-exchange.js';
import { LocalRateLimiter } from './local-rate-limiter.js';
import { SharedLevels, type Addition } from './shared-levels.js';

const WINDOW_MS = 60_000;
const secret = createSecretKey(randomBytes(32));

/** What any store does, with a clock that the test moves. */
class Store extends SharedLevels {
  private readonly emptyAt = new Map<string, number>();
  trips = 0;

  override add(additions: readonly Addition[]): Promise<number[]> {
    this.trips++;
    const now = performance.now();
    return Promise.resolve(
      additions.map(({ key, ms }) => {
        const emptyAt = Math.max(this.emptyAt.get(key) ?? 0, now) + ms;
        this.emptyAt.set(key, emptyAt);
        return emptyAt - now;
      }),
    );
  }

  override close(): Promise<void> {
    return Promise.resolve();
  }
}

const limiterWith = (store: SharedLevels, limit: number): LocalRateLimiter =>
  new LocalRateLimiter({
    limits: new Map([['customer', { limit, windowMs: WINDOW_MS }]]),
    now: () => performance.now(),
    shared: store,
    secret,
    onAway: () => undefined,
  });

interface Request {
  readonly process: number;
  readonly waitMs: number;
}

/** Most requests that fall into one interval. */
function mostInAnInterval(at: readonly number[]): number {
  return Math.max(
    0,
    ...at.map((begin) => at.filter((ms) => ms >= begin && ms <= begin + EXCHANGE_MS).length),
  );
}

describe('what processes let through together', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is the quota, what runs out meanwhile, a tenth for each process, and what comes within one interval', async () => {
    const processes = 4;
    const request = fc.record({ process: fc.nat(processes - 1), waitMs: fc.nat(60) });
    const program = fc.array(request, { minLength: 50, maxLength: 250, size: 'max' });
    await fc.assert(
      fc.asyncProperty(program, fc.integer({ min: 1, max: 60 }), async (requests: Request[], limit) => {
        const store = new Store();
        const limiters = Array.from({ length: processes }, () => limiterWith(store, limit));
        const begun = performance.now();
        const at: number[] = [];
        let allowed = 0;
        for (const { process, waitMs } of requests) {
          await jest.advanceTimersByTimeAsync(waitMs);
          at.push(performance.now());
          if (limiters[process]?.take('customer', 'fan')?.allowed === true) allowed++;
        }
        const ranOut = ((performance.now() - begun) * limit) / WINDOW_MS;
        const untold = processes * Math.ceil(limit / 10);
        expect(allowed).toBeLessThanOrEqual(limit + ranOut + untold + mostInAnInterval(at));
        await Promise.all(limiters.map((limiter) => limiter.close()));
      }),
      { numRuns: 60 },
    );
  });

  it('costs the store one round trip in an interval, however many are due', async () => {
    const store = new Store();
    const limiter = limiterWith(store, 10);
    for (let ms = 0; ms < 1000; ms += 10) {
      for (let fan = 0; fan < 20; fan++) limiter.take('customer', `fan-${fan}`);
      await jest.advanceTimersByTimeAsync(10);
    }
    expect(store.trips).toBeGreaterThan(0);
    expect(store.trips).toBeLessThanOrEqual(1000 / EXCHANGE_MS + 1);
    await limiter.close();
  });
});
