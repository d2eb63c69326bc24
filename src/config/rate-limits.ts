import type { Reader } from './reader.js';

/** So many at once, and as many again spread over the window. */
export interface Quota {
  readonly limit: number;
  readonly windowMs: number;
}

/**
 * What is limited, and of whom: the customer who acts, or the address that the call comes from. The names are labels of
 * metrics, members of headers, and what a remote limiter is asked about.
 */
const LIMITS = [
  /** Bookings made, paid and given up, by one customer. */
  ['customer', 'RATE_LIMIT_PER_CUSTOMER', '300/60s'],
  /** The same, from one address. */
  ['address', 'RATE_LIMIT_PER_ADDRESS', '20000/60s'],
  /** Reads, by one customer. */
  ['customer-reads', 'RATE_LIMIT_READS_PER_CUSTOMER', '1200/60s'],
  /** The same, from one address. */
  ['address-reads', 'RATE_LIMIT_READS_PER_ADDRESS', '200000/60s'],
  /** Credentials that were not good, from one address. */
  ['address-failures', 'RATE_LIMIT_FAILURES_PER_ADDRESS', '600/60s'],
  /** Ticket codes looked up, from one address. */
  ['address-ticket-codes', 'RATE_LIMIT_TICKET_CODES_PER_ADDRESS', '1200/60s'],
  /** Sockets opened, from one address. */
  ['address-sockets', 'RATE_LIMIT_SOCKETS_PER_ADDRESS', '20000/60s'],
  /** Bookings joined on sockets, by one customer. */
  ['customer-joins', 'RATE_LIMIT_JOINS_PER_CUSTOMER', '240/60s'],
] as const;

export type LimitName = (typeof LIMITS)[number][0];
export const LIMIT_NAMES: readonly LimitName[] = LIMITS.map(([name]) => name);

/** Those that are not off. */
export type RateLimits = ReadonlyMap<LimitName, Quota>;

const MAX_LIMIT = 1_000_000;
const MAX_WINDOW_SECONDS = 86_400;
const FORM = /^(\d{1,7})\/(\d{1,5})s$/;
const RULE = {
  test: (text: string): boolean => text === 'off' || parseQuota(text) !== null,
  means: `off, or a number and a window like 60/60s, of at most ${MAX_LIMIT} and ${MAX_WINDOW_SECONDS}s`,
};

export function rateLimits(read: Reader): RateLimits {
  const limits = new Map<LimitName, Quota>();
  for (const [name, variable, fallback] of LIMITS) {
    const quota = parseQuota(read.textOr(variable, fallback, RULE));
    if (quota !== null) limits.set(name, quota);
  }
  return limits;
}

/** Null for what has not this form, or is out of bounds. */
function parseQuota(text: string): Quota | null {
  const [, count, seconds] = FORM.exec(text) ?? [];
  const [limit, window] = [Number(count), Number(seconds)];
  const fits = limit >= 1 && limit <= MAX_LIMIT && window >= 1 && window <= MAX_WINDOW_SECONDS;
  return fits ? { limit, windowMs: window * 1000 } : null;
}
