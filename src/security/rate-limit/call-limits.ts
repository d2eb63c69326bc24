import { whenThere, type AtOnce } from '../../common/at-once.js';
import { AppError } from '../../common/errors.js';
import type { Metrics } from '../../metrics/metrics.js';
import type { Authenticator } from '../authentication.js';
import type { Identity } from '../identity.js';
import { addressKey, isLoopback } from './address-key.js';
import type { LimitName, RateLimiter, Verdict } from './rate-limiter.js';

export type AddressLimit = Extract<LimitName, 'address' | `address-${string}`>;
export type CustomerLimit = Exclude<LimitName, AddressLimit>;

/** Where a call comes from. A request of Fastify's is one. */
export interface Caller {
  /** The client's address, as far as the proxies between are trusted; undefined of one who has gone already. */
  readonly ip: string | undefined;
  /** The other end of the connection. */
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** How a call stands to the limit that it was counted against; null where that is off or does not count it. */
export type Standing = { readonly limit: LimitName; readonly verdict: Verdict } | null;

/**
 * The limits of whoever calls, the same at every door. Decides at once where the limiter does, else gives a promise.
 *
 * Every method throws, or rejects with, an `AppError` `RATE_LIMITED`, whose details say which limit it was and when to
 * come again.
 */
export class CallLimits {
  constructor(
    private readonly limiter: RateLimiter,
    private readonly authenticator: Authenticator,
    private readonly metrics: Pick<Metrics, 'rateLimited'>,
  ) {}

  /**
   * Counts a call against its address. A process on the same machine is counted and never refused, unless a trusted
   * proxy says that the call came from there: a proxy that nobody named would make the whole world one address.
   */
  ofAddress(limit: AddressLimit, caller: Caller): AtOnce<Standing> {
    const taken = this.limiter.take(limit, addressKey(caller.ip ?? ''));
    return whenThere(taken, (verdict) => {
      if (verdict === null) return null;
      if (verdict.allowed || isThisMachine(caller)) return { limit, verdict };
      throw this.refusal(limit, verdict);
    });
  }

  /** Counts a call against its customer: a user, or the bearer of a booking's token. Operators and services are not. */
  ofCustomer(limit: CustomerLimit, identity: Identity, anonymousAs?: string): AtOnce<Standing> {
    const subject = subjectOf(identity) ?? (identity.kind === 'anonymous' ? anonymousAs : undefined);
    if (subject === undefined) return null;
    return whenThere(this.limiter.take(limit, subject), (verdict) => {
      if (verdict === null) return null;
      if (verdict.allowed) return { limit, verdict };
      throw this.refusal(limit, verdict);
    });
  }

  /**
   * Who calls. Credentials that are not good are counted against their address, and past its limit answered with that
   * instead. One that is good always opens: what guesses behind the same address locks nobody out, and is told nothing.
   *
   * @throws AppError `UNAUTHENTICATED`; `UNAVAILABLE` where the identity provider does not answer
   */
  identify(caller: Caller, authorization: string | undefined): AtOnce<Identity> {
    try {
      const known = this.authenticator.immediate(authorization);
      if (known !== null) return known;
    } catch (error) {
      return this.failed(caller, error);
    }
    return this.authenticator
      .authenticate(authorization)
      .catch((error: unknown) => this.failed(caller, error));
  }

  /** What becomes of a credential that was refused; throws, or rejects. */
  failed(caller: Caller, error: unknown): AtOnce<never> {
    if (!(error instanceof AppError) || error.code !== 'UNAUTHENTICATED') throw error;
    return whenThere(this.ofAddress('address-failures', caller), () => {
      throw error;
    });
  }

  private refusal(limit: LimitName, verdict: Verdict): AppError {
    this.metrics.rateLimited(limit);
    const quota = this.limiter.quota(limit);
    return new AppError('RATE_LIMITED', undefined, {
      limit,
      ...(quota === null ? {} : { quota: quota.limit, windowSeconds: quota.windowMs / 1000 }),
      remaining: 0,
      retryAfterSeconds: Math.max(1, Math.ceil(verdict.retryAfterMs / 1000)),
    });
  }
}

/** Whose calls are counted together; undefined: nobody's. */
export function subjectOf(identity: Identity): string | undefined {
  switch (identity.kind) {
    case 'customer':
      return identity.userId;
    case 'booking':
      return `booking:${identity.bookingId}`;
    case 'anonymous':
    case 'operator':
    case 'service':
      return undefined;
  }
}

/** A process on this machine that calls for itself: not one that a proxy forwards, wherever it says it comes from. */
export const isThisMachine = ({ ip = '', socket }: Caller): boolean =>
  isLoopback(ip) && addressKey(ip) === addressKey(socket.remoteAddress ?? '');
