import { Recent } from './recent.js';
import type { Quota, Verdict } from './rate-limiter.js';

/** What one subject has used of one limit. */
export interface Bucket {
  readonly key: string;
  /** In requests times `windowMs`, so that all reckoning is in whole numbers. Empties by `limit` each millisecond. */
  level: number;
  /** When the level was so, in whole milliseconds. */
  at: number;
  /** Requests taken that the other processes have not been told of. */
  untold: number;
  isDue: boolean;
}

/** Where a bucket goes that the other processes should hear of. False: no room, it will be offered again. */
export type Due = (buckets: Buckets, bucket: Bucket) => boolean;

/**
 * One limit, a bucket for each subject: every request fills it a little, it empties evenly, and a request for which
 * there is no room is refused. `60/60s` is sixty at once and one more each second.
 */
export class Buckets {
  private readonly recent: Recent<Bucket>;
  private readonly capacity: number;
  private agedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param keys subjects remembered at most
   * @param tellAt requests that a process may keep to itself
   */
  constructor(
    readonly name: string,
    readonly quota: Quota,
    keys: number,
    private readonly tellAt: number,
    private readonly due: Due,
  ) {
    this.recent = new Recent(keys);
    this.capacity = quota.limit * quota.windowMs;
  }

  get size(): number {
    return this.recent.size;
  }

  /** @param now in whole milliseconds, of a clock that never goes back */
  take(key: string, cost: number, now: number): Verdict {
    const { limit, windowMs } = this.quota;
    this.forgetEmpty(now);
    let bucket = this.recent.get(key);
    if (bucket === undefined) {
      bucket = { key, level: 0, at: now, untold: 0, isDue: false };
      this.recent.set(key, bucket);
    }
    const level = Math.max(0, bucket.level - (now - bucket.at) * limit);
    const filled = level + cost * windowMs;
    bucket.at = now;
    if (filled > this.capacity) {
      bucket.level = level;
      return this.refused(level, filled);
    }
    bucket.level = filled;
    bucket.untold += cost;
    if (bucket.untold >= this.tellAt && !bucket.isDue) bucket.isDue = this.due(this, bucket);
    return {
      allowed: true,
      remaining: Math.floor((this.capacity - filled) / windowMs),
      resetMs: Math.ceil(filled / limit),
      retryAfterMs: 0,
    };
  }

  /**
   * What the other processes know, and this one beyond it.
   *
   * @param told requests that the answer has in it
   * @param emptyInMs how long the shared bucket needs to be empty
   */
  merge(bucket: Bucket, told: number, emptyInMs: number, now: number): void {
    const { limit, windowMs } = this.quota;
    bucket.untold -= told;
    bucket.level = Math.round(emptyInMs * limit) + bucket.untold * windowMs;
    bucket.at = now;
    bucket.isDue = bucket.untold >= this.tellAt && this.due(this, bucket);
  }

  /** How much longer so many requests make a bucket need to be empty. */
  msOf(requests: number): number {
    return (requests * this.quota.windowMs) / this.quota.limit;
  }

  /** Any bucket that nobody filled for a window is empty: to forget it forgets nothing. */
  private forgetEmpty(now: number): void {
    if (now - this.agedAt < this.quota.windowMs) return;
    this.agedAt = now;
    this.recent.age();
  }

  private refused(level: number, filled: number): Verdict {
    const { limit } = this.quota;
    return {
      allowed: false,
      remaining: 0,
      resetMs: Math.ceil(level / limit),
      retryAfterMs: Math.ceil((filled - this.capacity) / limit),
    };
  }
}
