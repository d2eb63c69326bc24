import { whenThere, type AtOnce } from '../../common/at-once.js';
import type { Challenges } from '../challenge/challenges.js';
import type { Identity } from '../identity.js';
import type { Caller, CallLimits, Standing } from './call-limits.js';

/**
 * What stands before every acceptance, at whichever door: the limits, and the challenge where one is configured. With
 * the defaults nothing in it waits, so that the hot path has no promise more.
 *
 * Throws, or rejects with, an `AppError`: `RATE_LIMITED`, `CHALLENGE_REQUIRED`, `CHALLENGE_FAILED`, or `UNAVAILABLE` where
 * nobody can say whether the challenge is solved.
 */
export class BookingGate {
  constructor(
    private readonly limits: CallLimits,
    /** Null: nothing is asked. */
    private readonly challenges: Challenges | null,
  ) {}

  /** Idempotent. */
  async close(): Promise<void> {
    await this.challenges?.close();
  }

  /** First: who calls, counted against the address before a signature is looked at. @throws AppError `UNAUTHENTICATED` */
  identify(caller: Caller, authorization: string | undefined): AtOnce<Identity> {
    const counted = this.limits.ofAddress('address', caller);
    return counted instanceof Promise
      ? counted.then(() => this.limits.identify(caller, authorization))
      : this.limits.identify(caller, authorization);
  }

  /**
   * Then, once it is known that they may book for this user: whether they may now. Operators are neither limited nor
   * challenged.
   *
   * @param solution what the client sent as `Fairline-Challenge`
   * @returns how the customer stands to their limit
   */
  admit(
    caller: Caller,
    identity: Identity,
    userId: string,
    solution: string | string[] | undefined,
  ): AtOnce<Standing> {
    const counted = this.limits.ofCustomer('customer', identity, userId);
    const { challenges } = this;
    if (challenges === null || identity.kind === 'operator') return counted;
    return whenThere(counted, async (standing) => {
      await challenges.check(solution, { address: caller.ip ?? '', userId });
      return standing;
    });
  }
}
