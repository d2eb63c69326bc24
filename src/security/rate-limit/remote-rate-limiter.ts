import { RemoteError, type Caller } from '../../remote/remotes.js';
import type { LocalRateLimiter } from './local-rate-limiter.js';
import { RateLimiter, type LimitName, type Quota, type Verdict } from './rate-limiter.js';

/**
 * Asks a limiter elsewhere, by `fairline.v1.RateLimiterService`. Its word goes; where it says nothing in time, or is
 * known to be away, that of the local limiter, which counts all the same. A limit that is off here is nobody's.
 */
export class RemoteRateLimiter extends RateLimiter {
  constructor(
    private readonly caller: Caller,
    private readonly local: Pick<LocalRateLimiter, 'take' | 'quota'>,
    /** Told of answers that cannot be understood. */
    private readonly failed: (error: unknown) => void,
  ) {
    super();
  }

  override take(limit: LimitName, subject: string, cost = 1): Verdict | null | Promise<Verdict | null> {
    const own = this.local.take(limit, subject, cost);
    if (own === null || this.caller.state === 'down') return own;
    return this.ask({ limit, subject, cost }, own);
  }

  override quota(limit: LimitName): Quota | null {
    return this.local.quota(limit);
  }

  private async ask(request: object, own: Verdict): Promise<Verdict> {
    try {
      return verdictOf(await this.caller.call('Check', request), own);
    } catch (error) {
      if (!(error instanceof RemoteError)) this.failed(error);
      return own;
    }
  }
}

/** @throws TypeError where it does not say whether the request may go on */
function verdictOf(answer: object, own: Verdict): Verdict {
  if (!('allowed' in answer) || typeof answer.allowed !== 'boolean') {
    throw new TypeError('The rate limiter did not say whether a request may go on');
  }
  const isUnlimited = answer.allowed && (!('quota' in answer) || Number(answer.quota) === 0);
  if (isUnlimited) return { ...own, allowed: true, retryAfterMs: 0 };
  const number = (value: unknown): number =>
    Number.isFinite(Number(value)) ? Math.max(0, Number(value)) : 0;
  return {
    allowed: answer.allowed,
    remaining: 'remaining' in answer ? number(answer.remaining) : 0,
    resetMs: 'resetAfter' in answer ? msOf(answer.resetAfter) : 0,
    retryAfterMs: !answer.allowed && 'retryAfter' in answer ? msOf(answer.retryAfter) : 0,
  };
}

/** A google.protobuf.Duration in ms. */
function msOf(duration: unknown): number {
  if (typeof duration !== 'object' || duration === null) return 0;
  const seconds = 'seconds' in duration ? Number(duration.seconds) : 0;
  const nanos = 'nanos' in duration ? Number(duration.nanos) : 0;
  const ms = seconds * 1000 + nanos / 1e6;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
