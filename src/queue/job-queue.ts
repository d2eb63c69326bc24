import type { BoardPlace, QueueBoard } from './queue-board.js';

/** `admit`: an offer may have something to grant. `fulfil`: one booking is to be charged, printed, mailed. */
export const JOB_TYPES = ['booking.admit', 'booking.fulfil'] as const;
export type JobType = (typeof JOB_TYPES)[number];

export interface AdmitData {
  readonly offerId: string;
}
export interface FulfilData {
  readonly bookingId: string;
  /** The booking's fence when the job was made; a job under an old fence has nothing to do. */
  readonly fence: number;
  /** Carried from request to e-mail, for logs alone. */
  readonly correlationId: string;
}
export interface JobDataByType {
  'booking.admit': AdmitData;
  'booking.fulfil': FulfilData;
}
export type JobData<T extends JobType = JobType> = JobDataByType[T];

export type JobPriority = 'high' | 'normal' | 'low';

/** The message, as it is on every broker. */
export interface JobMessage<T extends JobType = JobType> {
  readonly jobId: string;
  readonly type: T;
  readonly data: JobData<T>;
  /** ISO 8601, when it was published. */
  readonly timestamp: string;
}

export interface NewJob<T extends JobType = JobType> {
  /**
   * At most 128 of `A-Z a-z 0-9 _ -`, not all digits. Publishing the same id again is safe: while a job of this
   * id waits or runs the new one may be dropped, once it has finished or died the new one is delivered. So a hint
   * that must not be missed while an earlier one runs (`booking.admit`) takes a new id each time.
   */
  readonly jobId: string;
  readonly type: T;
  readonly data: JobData<T>;
  /** Default `normal`. */
  readonly priority?: JobPriority;
  /** Not delivered before so many ms have passed. Default 0. */
  readonly delayMs?: number;
}

export interface ReceivedJob<T extends JobType = JobType> extends JobMessage<T> {
  /** 1 on the first delivery. A failure or a crash of the consumer raises it, a hand-back on shutdown does not. */
  readonly attempt: number;
}

export interface JobContext {
  /** Aborted on shutdown, on a lost lock and at the job's deadline. Pass it on to everything awaited. */
  readonly signal: AbortSignal;
  /** Percent of work done, 0 to 100; visible to operators where the broker keeps it. Never throws. */
  progress(percent: number): Promise<void>;
}

/** Thrown by a handler to dead-letter its job at once, without a retry. */
export class PermanentFailure extends Error {
  constructor(
    /** A stable code; no personal data. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(reason, options);
    this.name = 'PermanentFailure';
  }
}

/** Resolving acknowledges the job; throwing retries it with backoff; `PermanentFailure` dead-letters it. */
export type JobHandler<T extends JobType = JobType> = (
  job: ReceivedJob<T>,
  context: JobContext,
) => Promise<void>;

export interface RetryPolicy {
  /** Deliveries in all before the job is dead, at least 1. */
  readonly attempts: number;
  /** Wait before the second delivery, in ms; doubles each time, ±50 % jitter. */
  readonly backoffMs: number;
  /** Upper bound of one wait, in ms. */
  readonly maxBackoffMs: number;
}

export interface ConsumeOptions {
  /** Jobs handled at once by this consumption, at least 1. */
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  /** At most so many jobs started per `perMs` ms, over all processes where the technology can, else each. */
  readonly rateLimit?: { readonly max: number; readonly perMs: number };
  /** One delivery may take so long before its signal is aborted, in ms. */
  readonly deadlineMs: number;
  /**
   * Called once for a job that failed for good, before the broker's copy is made. When it throws, the job
   * stays on the broker and is delivered again: no dead letter is lost.
   */
  readonly onDead: (job: ReceivedJob, reason: string) => Promise<void>;
}

export interface Consumption {
  /**
   * Takes no new job, waits up to `timeoutMs` for running ones, aborts and hands back the rest. Resolves within
   * three seconds after that, whatever the handlers and the broker do. Idempotent; never rejects.
   */
  stop(timeoutMs: number): Promise<void>;
}

/** What one consumption of this process is doing: what readiness tells a stuck one from an idle one by. */
export interface ConsumerActivity {
  readonly type: JobType;
  readonly concurrency: number;
  /** Deliveries under way. */
  readonly running: number;
  /** One delivery may take so long, in ms. */
  readonly deadlineMs: number;
  /** ISO 8601; null where nothing is running. */
  readonly oldestRunningSince: string | null;
  /** ISO 8601; null before the first delivery. */
  readonly lastDeliveryAt: string | null;
}

export interface TypeCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly dead: number;
}
export interface QueueCounts {
  readonly paused: boolean;
  readonly types: Readonly<Record<JobType, TypeCounts>>;
}

/** A technology as it runs: BullMQ is two. */
export type QueueTechnology = 'bullmq-postgres' | 'bullmq-redis' | 'streams' | 'kafka';

export interface PartitionFigures {
  readonly partition: number;
  /** The oldest message kept, the next to be written, and the next that the group will commit (null: none yet). */
  readonly earliest: number;
  readonly latest: number;
  readonly committed: number | null;
  readonly lag: number;
}
export interface ConsumerFigures {
  readonly name: string;
  /** Delivered to it and not yet acknowledged. */
  readonly pending: number;
  /** Ms since it last asked for work or was given some; null where the broker does not tell. */
  readonly idleMs: number | null;
}
export interface GroupFigures {
  readonly name: string;
  /** Published and not yet delivered to this group. */
  readonly lag: number;
  /** Delivered and not yet acknowledged. */
  readonly pending: number;
  readonly consumers: readonly ConsumerFigures[];
}
/** One queue, stream, sorted set or topic on the broker. */
export interface ChannelFigures {
  /** As the broker knows it. */
  readonly name: string;
  readonly type: JobType;
  readonly holds: 'work' | 'delayed' | 'retries' | 'dead';
  /** Jobs that it holds and that are not done. */
  readonly depth: number;
  /** None where the technology has no groups. */
  readonly groups: readonly GroupFigures[];
  /** None where the technology has no partitions. */
  readonly partitions: readonly PartitionFigures[];
}
/** What the broker holds, the same for every technology, for operators. */
export interface QueueFigures {
  readonly technology: QueueTechnology;
  /** Version of the broker's server; null where it does not tell, as Kafka. */
  readonly version: string | null;
  readonly channels: readonly ChannelFigures[];
  /** Consumers of each type on the broker, over all processes; null where the broker does not tell. */
  readonly workers: Readonly<Record<JobType, number | null>>;
}

export interface DeadJob extends JobMessage {
  readonly reason: string;
  readonly attempts: number;
  /** ISO 8601. */
  readonly failedAt: string;
}

/** The broker's copy of what failed for good. The ledger's dead letters are the truth. */
export interface DeadLetters {
  /** Newest first, at most `limit`. */
  list(limit: number): Promise<DeadJob[]>;
  /** False where there was none. */
  remove(jobId: string): Promise<boolean>;
}

/** What a technology cannot do is said here, never skipped in silence. */
export interface QueueCapabilities {
  /** Jobs of one key are handled in the order of publication. */
  readonly orderByKey: boolean;
  readonly priorities: boolean;
  readonly delay: boolean;
  /** `global`: the rate limit spans all consumers; `process`: each process keeps its own. */
  readonly rateLimit: 'global' | 'process';
  readonly progress: boolean;
  /** A pause stops every process. */
  readonly globalPause: boolean;
}

/**
 * The port to the queue, and its injection token.
 *
 * Delivery is at least once, in any order. A message is a hint to look at the ledger: losing, repeating or
 * reordering one costs time, never a booking.
 */
export abstract class JobQueue {
  abstract readonly capabilities: QueueCapabilities;
  /** Resolves when the broker holds every job; safe to repeat. Rejects when it could not be told. */
  abstract publish(jobs: readonly NewJob[]): Promise<void>;
  /** Competing consumers across processes. */
  abstract consume<T extends JobType>(
    type: T,
    handle: JobHandler<T>,
    options: ConsumeOptions,
  ): Promise<Consumption>;
  abstract counts(): Promise<QueueCounts>;
  /** In more detail than `counts`; may cost the broker some milliseconds. Rejects when it does not answer. */
  abstract figures(): Promise<QueueFigures>;
  /** One entry for each consumption of this process that has not been stopped. Asks nobody. */
  abstract activity(): readonly ConsumerActivity[];
  /** Stops delivery in every process; what is running goes on. Idempotent. */
  abstract pause(): Promise<void>;
  abstract resume(): Promise<void>;
  abstract readonly deadLetters: DeadLetters;
  /** Opens the technology's own board for operators; null where it has none. */
  readonly board: ((place: BoardPlace) => Promise<QueueBoard>) | null = null;
  /** Rejects with a `BrokerError` when the broker does not answer, or could not be trusted with jobs. */
  abstract ping(): Promise<void>;
  /** Stops intake, drains, disconnects. Idempotent. */
  abstract close(): Promise<void>;
}
