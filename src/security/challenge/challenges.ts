import { Logger } from '@nestjs/common';
import { AppError } from '../../common/errors.js';
import { Seldom } from '../../common/seldom.js';
import type { ChallengeSettings } from '../../config/challenge.js';
import type { ChallengeOutcome, Metrics } from '../../metrics/metrics.js';

/** The header with what the client got for solving the challenge. */
export const CHALLENGE_HEADER = 'fairline-challenge';
/** Longer than any provider's. */
const MAX_SOLUTION = 8192;
/** One line in so long, however many requests meet an outage. */
const SAID_EVERY_MS = 10_000;
const RETRY_AFTER_SECONDS = 5;

/** Who is challenged. */
export interface Challenged {
  readonly address: string;
  readonly userId: string;
}

/** Says whether a solution is good. A port: an endpoint implements it, or a module of the operator's own. */
export interface Verifier {
  /**
   * @param signal aborted when its time is over; nobody waits any longer then
   * @throws where it cannot be said
   */
  verify(solution: string, who: Challenged, signal: AbortSignal): Promise<boolean>;

  /** Idempotent. */
  close(): Promise<void>;
}

/** The one hook before acceptance: asks whether a person sent the request, for a bounded time. */
export class Challenges {
  private readonly logger = new Logger('challenge');
  private readonly outages = new Seldom(SAID_EVERY_MS);

  constructor(
    private readonly verifier: Verifier,
    private readonly settings: Pick<ChallengeSettings, 'siteKey' | 'timeoutMs' | 'onOutage'>,
    private readonly metrics: Pick<Metrics, 'challenged'>,
  ) {}

  /** @throws AppError `CHALLENGE_REQUIRED`, `CHALLENGE_FAILED`, or `UNAVAILABLE` where nobody can say */
  async check(solution: string | string[] | undefined, who: Challenged): Promise<void> {
    if (solution === undefined || solution === '') throw this.refusal('required');
    if (typeof solution !== 'string' || solution.length > MAX_SOLUTION) throw this.refusal('failed');
    const signal = AbortSignal.timeout(this.settings.timeoutMs);
    let isGood: boolean;
    try {
      isGood = await Promise.race([this.verifier.verify(solution, who, signal), aborted(signal)]);
    } catch (error) {
      this.outage(error);
      return;
    }
    if (!isGood) throw this.refusal('failed');
    this.metrics.challenged('passed');
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.verifier.close();
  }

  private refusal(outcome: 'required' | 'failed'): AppError {
    this.metrics.challenged(outcome);
    const { siteKey } = this.settings;
    return new AppError(outcome === 'required' ? 'CHALLENGE_REQUIRED' : 'CHALLENGE_FAILED', undefined, {
      challenge: { header: CHALLENGE_HEADER, ...(siteKey === null ? {} : { siteKey }) },
    });
  }

  private outage(error: unknown): void {
    const isOpen = this.settings.onOutage === 'open';
    this.metrics.challenged('outage' satisfies ChallengeOutcome);
    if (this.outages.isTime()) {
      const message = `Nobody says whether challenges are solved: ${isOpen ? 'everybody is let in' : 'nobody is let in'}`;
      this.logger.warn({ message, err: error });
    }
    if (!isOpen) {
      throw new AppError(
        'UNAVAILABLE',
        'The challenge cannot be checked at the moment',
        { retryAfterSeconds: RETRY_AFTER_SECONDS },
        { cause: error },
      );
    }
  }
}

/** Rejects when a signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('no answer in time')), { once: true });
  });
}
