import type { LimitName, Quota } from '../../config/rate-limits.js';

export { LIMIT_NAMES, type LimitName, type Quota } from '../../config/rate-limits.js';

/** How a request stands to one limit. */
export interface Verdict {
  readonly allowed: boolean;
  /** What may follow at once. */
  readonly remaining: number;
  /** Until the whole quota is there again. */
  readonly resetMs: number;
  /** Where it was refused: until one is allowed again. Else 0. */
  readonly retryAfterMs: number;
}

/**
 * Counts requests and says which are too many. Also its own injection token.
 *
 * `LocalRateLimiter` decides at once from memory; one that asks somebody else answers with a promise, and falls back
 * on the local one where nobody answers. Neither ever throws or rejects.
 */
export abstract class RateLimiter {
  /**
   * Counts a request of this subject, unless it is refused: what is refused uses nothing up.
   *
   * @param subject the customer's id, or `addressKey` of an address; opaque to the limiter
   * @param cost how many requests this one counts for: a whole number from 1 on
   * @returns null where this limit is off
   */
  abstract take(limit: LimitName, subject: string, cost?: number): Verdict | null | Promise<Verdict | null>;

  /** What one subject may use; null where this limit is off. */
  abstract quota(limit: LimitName): Quota | null;
}
