/**
 * What is limited, and of whom: the customer who acts, or the address that the call comes from. These names are
 * labels of metrics, members of headers, and what a remote limiter is asked about.
 */
export const LIMIT_NAMES = [
  /** Bookings made, paid and given up, by one customer. */
  'customer',
  /** The same, from one address. */
  'address',
  /** Reads, by one customer. */
  'customer-reads',
  /** The same, from one address. */
  'address-reads',
  /** Credentials that were not good, from one address. */
  'address-failures',
  /** Ticket codes looked up, from one address. */
  'address-ticket-codes',
  /** Sockets opened, from one address. */
  'address-sockets',
  /** Bookings joined on sockets, by one customer. */
  'customer-joins',
] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** So many at once, and as many again spread over the window. */
export interface Quota {
  readonly limit: number;
  readonly windowMs: number;
}

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
   * Counts one request of this subject, unless it is refused: what is refused uses nothing up.
   *
   * @param subject the customer's id, or `addressKey` of an address; opaque to the limiter
   * @returns null where this limit is off
   */
  abstract take(limit: LimitName, subject: string): Verdict | null | Promise<Verdict | null>;

  /** What one subject may use; null where this limit is off. */
  abstract quota(limit: LimitName): Quota | null;
}
