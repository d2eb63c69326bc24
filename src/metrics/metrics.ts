import type { BookingState, StepName } from '../booking/booking.js';
import type { ErrorCode } from '../common/errors.js';
import type { LimitName } from '../config/rate-limits.js';
import type { TellingEnd, TellingKind, ToldService } from '../booking/ledger/tellings.js';
import type { JobType } from '../queue/job-queue.js';
import type { CallOutcome, RemoteName } from '../remote/remotes.js';

/** How a delivery of a job ended. */
export type JobOutcome = 'done' | 'retried' | 'dead';

/** How a challenge before an acceptance ended: solved, not shown, not solved, or nobody could say. */
export type ChallengeOutcome = 'passed' | 'required' | 'failed' | 'outage';

/**
 * Where every part records what it did, and its injection token. Never throws and never waits, so that a
 * measurement is no reason for anything to fail. Nothing here takes the id of a user or a booking.
 */
export abstract class Metrics {
  /** One commit of the accept path: so many new bookings of so many requests, in so many seconds. */
  abstract accepted(bookings: number, batchSize: number, seconds: number): void;
  /** Requests that were told no. */
  abstract refused(code: ErrorCode, requests?: number): void;
  /** A call that was one too many. */
  abstract rateLimited(limit: LimitName): void;
  abstract challenged(outcome: ChallengeOutcome): void;
  /** Bookings that won a hold. */
  abstract granted(bookings: number): void;
  /** Holds that ended unpaid. */
  abstract expired(holds: number): void;
  /** Bookings that came to a state where no more is owed. */
  abstract settled(state: BookingState, bookings?: number): void;
  /** The first delivery of a job, so many seconds after it was published. */
  abstract jobDelivered(type: JobType, waitedSeconds: number): void;
  abstract jobHandled(type: JobType, outcome: JobOutcome, seconds: number): void;
  abstract stepSucceeded(step: StepName, seconds: number): void;
  /** A step failed and will be tried again. */
  abstract retried(step: StepName): void;
  /** @param reason a stable code; what does not look like one is counted as `OTHER` */
  abstract deadLettered(reason: string): void;
  /** A call of another service, repetitions included. */
  abstract remoteCalled(service: RemoteName, outcome: CallOutcome, seconds: number): void;
  abstract told(service: ToldService, kind: TellingKind, outcome: TellingEnd['outcome']): void;
  /** Numbers of the ticket service that are not those of the ledger. */
  abstract differed(answers: number): void;
  /** Pushes to the realtime service that were given up. */
  abstract pushesDropped(pushes: number): void;
}

/** Records nothing: for tools and for tests that measure something else. */
export class NoMetrics extends Metrics {
  accepted(): void {}
  refused(): void {}
  rateLimited(): void {}
  challenged(): void {}
  granted(): void {}
  expired(): void {}
  settled(): void {}
  jobDelivered(): void {}
  jobHandled(): void {}
  stepSucceeded(): void {}
  retried(): void {}
  deadLettered(): void {}
  remoteCalled(): void {}
  told(): void {}
  differed(): void {}
  pushesDropped(): void {}
}
