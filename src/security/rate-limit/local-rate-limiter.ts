import type { RateLimitReadings } from '../../metrics/sources.js';
import { Buckets } from './buckets.js';
import { LevelExchange, type LevelExchangeOptions } from './level-exchange.js';
import { RateLimiter, type LimitName, type Quota, type Verdict } from './rate-limiter.js';

/** Subjects that a process remembers for one limit: some 15 MB where all are in use. */
const KEYS = 100_000;
/** A process keeps a quota divided by this to itself, so that only those who use much cost a round trip. */
const OWN_SHARE = 10;

export interface LocalRateLimiterOptions extends LevelExchangeOptions {
  readonly limits: ReadonlyMap<LimitName, Quota>;
  /** Subjects remembered for each limit. */
  readonly keys?: number;
}

/**
 * Decides from memory, without waiting for anybody, and shares what it has counted with the other processes in the
 * background.
 *
 * So a subject may get more than its quota: a tenth of the quota for each process, as a small bucket of its own that
 * nobody else hears of, and what arrives until the next exchange (`EXCHANGE_MS` apart, and the store's answer). While the
 * store is away each process counts alone; afterwards it tells what has not run out.
 */
export class LocalRateLimiter extends RateLimiter implements RateLimitReadings {
  private readonly limits = new Map<LimitName, Buckets>();
  private readonly exchange: LevelExchange;
  private readonly now: () => number;

  constructor({ limits, keys = KEYS, ...options }: LocalRateLimiterOptions) {
    super();
    this.now = options.now;
    this.exchange = new LevelExchange(options);
    for (const [name, quota] of limits) {
      this.limits.set(name, new Buckets(name, quota, keys, quota.limit / OWN_SHARE, this.exchange.due));
    }
  }

  override take(limit: LimitName, subject: string, cost = 1): Verdict | null {
    return this.limits.get(limit)?.take(subject, cost, Math.floor(this.now())) ?? null;
  }

  override quota(limit: LimitName): Quota | null {
    return this.limits.get(limit)?.quota ?? null;
  }

  keys(): ReadonlyMap<LimitName, number> {
    return new Map([...this.limits].map(([name, buckets]) => [name, buckets.size]));
  }

  isStoreAway(): boolean {
    return this.exchange.isStoreAway;
  }

  /** Exchanges nothing any more. Idempotent. */
  close(): Promise<void> {
    return this.exchange.close();
  }
}
