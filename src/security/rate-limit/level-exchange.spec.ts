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
  isAway = false;

  override add(additions: readonly Addition[]): Promise<number[]> {
    this.trips++;
    if (this.isAway) return Promise.reject(new Error('away'));
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
        const windows = (performance.now() - begun) / WINDOW_MS;
        const own = processes * (Math.ceil(limit / 10) + (windows * limit) / 10);
        expect(allowed).toBeLessThanOrEqual(limit + windows * limit + own + mostInAnInterval(at));
        await Promise.all(limiters.map((limiter) => limiter.close()));
      }),
      { numRuns: 60 },
    );
  });

  it('is not a quota for each process, however evenly the requests are spread', async () => {
    const [processes, limit, windows] = [4, 60, 10];
    const store = new Store();
    const limiters = Array.from({ length: processes }, () => limiterWith(store, limit));
    let allowed = 0;
    // Nine tenths of a quota on each process: alone, none of them would ever refuse one.
    for (let i = 0; i < windows * limit * 0.9; i++) {
      await jest.advanceTimersByTimeAsync(WINDOW_MS / (limit * 0.9));
      for (const limiter of limiters) if (limiter.take('customer', 'fan')?.allowed === true) allowed++;
    }
    const own = (processes * limit) / 10;
    expect(allowed).toBeLessThanOrEqual((limit + own) * (windows + 1));
    expect(allowed).toBeGreaterThanOrEqual(limit * windows);
    await Promise.all(limiters.map((limiter) => limiter.close()));
  });

  /** How many of a customer's requests are refused, by one process after the other. */
  const refused = async (limiters: LocalRateLimiter[], count: number, everyMs: number): Promise<number> => {
    let refusals = 0;
    for (let i = 0; i < count; i++) {
      await jest.advanceTimersByTimeAsync(everyMs);
      if (limiters[i % limiters.length]?.take('customer', 'fan')?.allowed !== true) refusals++;
    }
    return refusals;
  };

  it('is no less after the store was away: nobody below the quota is refused for what has run out', async () => {
    for (const everyMs of [10_000, 2000, 1100]) {
      const store = new Store();
      const limiters = [limiterWith(store, 60), limiterWith(store, 60)];
      store.isAway = true;
      expect(await refused(limiters, 3_600_000 / everyMs, everyMs)).toBe(0);
      store.isAway = false;
      await jest.advanceTimersByTimeAsync(2000);
      expect(await refused(limiters, 1000, everyMs)).toBe(0);
      expect(limiters.map((limiter) => limiter.isStoreAway())).toEqual([false, false]);
      await Promise.all(limiters.map((limiter) => limiter.close()));
    }
  });

  it('is told after the store was away as far as it has not run out', async () => {
    const store = new Store();
    const [a, b] = [limiterWith(store, 60), limiterWith(store, 60)];
    store.isAway = true;
    for (let i = 0; i < 60; i++) a.take('customer', 'fan');
    await jest.advanceTimersByTimeAsync(WINDOW_MS / 2);
    store.isAway = false;
    await jest.advanceTimersByTimeAsync(2000);
    // Of sixty 28 or so are left, six more are told in case, and these seven.
    for (let i = 0; i < 7; i++) b.take('customer', 'fan');
    await jest.advanceTimersByTimeAsync(EXCHANGE_MS);
    const left = b.take('customer', 'fan')?.remaining ?? 0;
    expect(left).toBeGreaterThan(60 - 30 - 6 - 8);
    expect(left).toBeLessThan(60 - 20 - 8);
    await Promise.all([a.close(), b.close()]);
  });

  it('refuses nobody for longer than a window, whatever the processes let through together', async () => {
    const store = new Store();
    const limiters = Array.from({ length: 8 }, () => limiterWith(store, 60));
    for (const limiter of limiters) for (let i = 0; i < 60; i++) limiter.take('customer', 'fan');
    await jest.advanceTimersByTimeAsync(EXCHANGE_MS);
    for (const limiter of limiters) {
      const { allowed = true, retryAfterMs = 0 } = limiter.take('customer', 'fan') ?? {};
      expect(allowed).toBe(false);
      expect(retryAfterMs).toBeLessThanOrEqual(WINDOW_MS + WINDOW_MS / 60);
    }
    await Promise.all(limiters.map((limiter) => limiter.close()));
  });

  it('costs the store nothing for those who poll, and never use a tenth of a quota in a window', async () => {
    const store = new Store();
    const limiter = limiterWith(store, 1200);
    // Once a second, for an hour.
    expect(await refused([limiter], 3600, 1000)).toBe(0);
    expect(store.trips).toBe(0);
    await limiter.close();
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
