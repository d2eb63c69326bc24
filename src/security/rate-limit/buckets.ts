import { Recent } from './recent.js';
import type { Quota, Verdict } from './rate-limiter.js';

/** What one subject has used of one limit. */
export interface Bucket {
  readonly key: string;
  /** In requests times `windowMs`, so that all reckoning is in whole numbers. Empties by `limit` each millisecond. */
  level: number;
  /** When it was so full, in whole milliseconds. */
  at: number;
  /**
   * What the other processes have not been told of, in the same unit. Empties by `own` each millisecond: that much a
   * process keeps to itself.
   */
  untold: number;
  isDue: boolean;
}

/** Where a bucket goes that the other processes should hear of. False: no room, it will be offered again. */
export type Due = (buckets: Buckets, bucket: Bucket) => boolean;

/**
 * The most that a bucket can hold of what all have let through together, in quotas: for what others let through nobody
 * is refused for longer than a window.
 */
const MOST_TOGETHER = 2;

/**
 * One limit, a bucket for each subject: every request fills it a little, it empties evenly, and a request for which
 * there is no room is refused. `60/60s` is sixty at once and one more each second.
 */
export class Buckets {
  private readonly recent: Recent<Bucket>;
  private readonly capacity: number;
  /** When a bucket holds so much untold, it is due. */
  private readonly ownMost: number;
  private agedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param keys subjects remembered at most
   * @param own requests in a window that a process may keep to itself, and one at least
   */
  constructor(
    readonly name: string,
    readonly quota: Quota,
    keys: number,
    private readonly own: number,
    private readonly due: Due,
  ) {
    this.recent = new Recent(keys);
    this.capacity = quota.limit * quota.windowMs;
    this.ownMost = Math.ceil(own) * quota.windowMs;
  }

  get size(): number {
    return this.recent.size;
  }

  /** @param now in whole milliseconds, of a clock that never goes back */
  take(key: string, cost: number, now: number): Verdict {
    const { limit, windowMs } = this.quota;
    const added = cost * windowMs;
    this.forgetEmpty(now);
    let bucket = this.recent.get(key);
    if (bucket === undefined) {
      bucket = { key, level: 0, at: now, untold: 0, isDue: false };
      this.recent.set(key, bucket);
    }
    this.runOut(bucket, now);
    const filled = bucket.level + added;
    if (filled > this.capacity) return this.refused(bucket.level, filled);
    bucket.level = filled;
    bucket.untold += added;
    if (bucket.untold >= this.ownMost && !bucket.isDue) bucket.isDue = this.due(this, bucket);
    return {
      allowed: true,
      remaining: Math.floor((this.capacity - filled) / windowMs),
      resetMs: Math.ceil(filled / limit),
      retryAfterMs: 0,
    };
  }

  /** What the other processes are to be told now, in the unit of levels. */
  telling(bucket: Bucket, now: number): number {
    this.runOut(bucket, now);
    return bucket.untold;
  }

  /**
   * What the other processes know, and this one beyond it.
   *
   * @param told of `telling`, what the answer has in it
   * @param emptyInMs how long the shared bucket needs to be empty
   */
  merge(bucket: Bucket, told: number, emptyInMs: number, now: number): void {
    this.runOut(bucket, now);
    bucket.untold = Math.max(0, bucket.untold - told);
    const together = Math.round(emptyInMs * this.quota.limit + bucket.untold);
    bucket.level = Math.min(together, MOST_TOGETHER * this.capacity);
    bucket.isDue = bucket.untold >= this.ownMost && this.due(this, bucket);
  }

  /** How much longer a level makes a bucket need to be empty. */
  msOf(level: number): number {
    return level / this.quota.limit;
  }

  /**
   * What is not told soon, because the store is away, is never more than is still in the bucket and what a process may
   * keep to itself: else somebody far below the limit would meet all that has run out since.
   */
  private runOut(bucket: Bucket, now: number): void {
    const passed = now - bucket.at;
    bucket.at = now;
    bucket.level = Math.max(0, bucket.level - passed * this.quota.limit);
    const untold = Math.max(0, bucket.untold - passed * this.own);
    bucket.untold = Math.min(untold, bucket.level + this.ownMost);
  }

  /** Any bucket that nobody filled for a window is empty, or the store has it: to forget it forgets nothing. */
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
