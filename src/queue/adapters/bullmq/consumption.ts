import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ConnectionOptions,
  type IQueueBackend,
  Job,
  UnrecoverableError,
  WaitingError,
  Worker,
} from 'bullmq';
import { ABORT_GRACE_MS, Delivery, endsWithin, PastDeadline } from '../../delivery.js';
import {
  type ConsumeOptions,
  type ConsumerActivity,
  type Consumption,
  type JobHandler,
  type JobType,
  PermanentFailure,
  type ReceivedJob,
} from '../../job-queue.js';
import { parseMessage } from '../../message.js';
import { backoff, failureCode } from '../../retry.js';
import type { Broker, Report } from './broker.js';
import { bullJobId } from './bull-queues.js';

/**
 * A job is its consumer's for this long and is renewed after half of it. A killed consumer's job is delivered
 * again after at most `LOCK_MS + 2 * STALLED_CHECK_MS`: the lock runs out, one check marks it, the next moves it.
 */
const LOCK_MS = 6000;
const STALLED_CHECK_MS = 1500;
/** Upper bound of what a lost wake-up costs an idle worker, in seconds. */
const IDLE_POLL_SECONDS = 2;
/** Between tries of a worker whose broker is away. */
const RETRY_MS = 500;
/** Past the grace of its aborted deliveries, a stop waits so long for the broker. */
const CLOSE_MS = 2000;
/** BullMQ would fail a job itself past this; we decide about death, so it never may. */
const NEVER = 1_000_000_000;

type BullJob = Job<unknown, void, string>;
type BullWorker = Worker<unknown, void, string, IQueueBackend, never, ConnectionOptions>;

export interface ConsumptionParts<T extends JobType> {
  readonly queueName: string;
  readonly type: T;
  readonly broker: Broker;
  readonly handle: JobHandler<T>;
  readonly options: ConsumeOptions;
  readonly copyDead: (job: ReceivedJob, reason: string) => Promise<void>;
  readonly report: Report;
  /** From 0 to below 1. */
  readonly random: () => number;
}

interface Running {
  readonly delivery: Delivery;
  renewedAt: number;
  /** Looks in a row at which its lock was found not renewed in time. */
  late: number;
}

/** One worker on one queue of BullMQ, with our rules for attempts, death, locks and shutdown around it. */
export class BullmqConsumption<T extends JobType> implements Consumption {
  private readonly worker: BullWorker;
  /** By the job's id inside BullMQ. */
  private readonly running = new Map<string, Running>();
  private lastDeliveryAt: string | null = null;
  private stopped: Promise<void> | null = null;
  private readonly lockWatch: NodeJS.Timeout;

  /** @throws Error when the broker does not answer. */
  static async start<T extends JobType>(parts: ConsumptionParts<T>): Promise<BullmqConsumption<T>> {
    const consumption = new BullmqConsumption(parts);
    try {
      await consumption.worker.waitUntilReady();
    } catch (error) {
      await consumption.stop(0);
      throw error;
    }
    void consumption.keepRunning();
    return consumption;
  }

  private constructor(private readonly parts: ConsumptionParts<T>) {
    this.worker = this.makeWorker();
    this.worker.on('error', (error) => this.trouble('worker', error));
    this.worker.on('lockRenewalFailed', (jobIds) => jobIds.forEach((id) => void this.lockNotRenewed(id)));
    this.worker.on('locksRenewed', ({ jobIds }) => jobIds.forEach((id) => this.lockRenewed(id)));
    this.lockWatch = setInterval(() => this.watchLocks(), 1000).unref();
  }

  activity(): ConsumerActivity {
    const { type, options } = this.parts;
    const started = [...this.running.values()].map(({ delivery }) => delivery.startedAt);
    return {
      type,
      concurrency: options.concurrency,
      running: started.length,
      deadlineMs: options.deadlineMs,
      oldestRunningSince: started.length === 0 ? null : new Date(Math.min(...started)).toISOString(),
      lastDeliveryAt: this.lastDeliveryAt,
    };
  }

  stop(timeoutMs: number): Promise<void> {
    this.stopped ??= this.drain(timeoutMs);
    return this.stopped;
  }

  private makeWorker(): BullWorker {
    const { queueName, broker, options, random } = this.parts;
    return new Worker<unknown, void, string, IQueueBackend, never, ConnectionOptions>(
      queueName,
      (job: BullJob, token?: string) => this.process(job, token ?? ''),
      {
        connection: {},
        autorun: false,
        concurrency: options.concurrency,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_CHECK_MS,
        maxStalledCount: NEVER,
        drainDelay: IDLE_POLL_SECONDS,
        runRetryDelay: RETRY_MS,
        ...(options.rateLimit && {
          limiter: { max: options.rateLimit.max, duration: options.rateLimit.perMs },
        }),
        settings: { backoffStrategy: (failures) => backoff(options.retry, failures, random()) },
      },
      broker.consumers,
    );
  }

  /** BullMQ's loop ends on an error that it did not foresee; a worker that is alive but idle would be the worst. */
  private async keepRunning(): Promise<void> {
    while (this.stopped === null) {
      await this.worker.run().catch((error: unknown) => this.trouble('loop', error));
      await sleep(RETRY_MS, undefined, { ref: false });
    }
  }

  private async process(job: BullJob, token: string): Promise<void> {
    if (this.stopped !== null) return this.handBack(job, token);
    const { type, options } = this.parts;
    const message = parseMessage(type, job.data);
    if (message === null) {
      this.trouble('foreign message dropped', new Error(`job ${job.id ?? ''}`));
      throw new UnrecoverableError('NOT_A_MESSAGE');
    }
    const attempt = job.attemptsMade + job.stalledCounter + 1;
    const received = { ...message, attempt };
    // a job that has crashed its consumer each time is not given another one to crash
    if (job.stalledCounter >= options.retry.attempts) return this.bury(received, 'STALLED');
    await this.deliver(job, token, received);
  }

  private async deliver(job: BullJob, token: string, received: ReceivedJob<T>): Promise<void> {
    const { handle, options } = this.parts;
    const id = bullJobId(received.jobId);
    // taken again by this very process: the lock of the delivery before is gone
    this.lockLost(id);
    const delivery = new Delivery(options.deadlineMs);
    const running = { delivery, renewedAt: Date.now(), late: 0 };
    this.running.set(id, running);
    this.lastDeliveryAt = new Date().toISOString();
    const outcome = await delivery.run((signal) =>
      handle(received, { signal, progress: (percent) => this.progress(job, percent) }),
    );
    if (this.running.get(id) === running) this.running.delete(id);
    if (outcome.kind === 'done') return;
    if (outcome.kind === 'failed') return this.fail(received, outcome.error);
    switch (outcome.code) {
      case 'SHUTDOWN':
        return this.handBack(job, token);
      case 'LOCK_LOST':
        // it is somebody else's now: touch nothing
        throw new WaitingError();
      case 'DEADLINE_EXCEEDED':
        return this.fail(received, new PastDeadline());
      default:
        return outcome.code satisfies never;
    }
  }

  private async fail(job: ReceivedJob<T>, error: unknown): Promise<void> {
    const reason = failureCode(error);
    if (error instanceof PermanentFailure || job.attempt >= this.parts.options.retry.attempts) {
      return this.bury(job, reason);
    }
    // BullMQ keeps what is thrown here: a code and nothing else
    throw withoutTrace(new Error(reason));
  }

  /** Throwing anything but `UnrecoverableError` leaves the job on the broker, to be delivered again. */
  private async bury(job: ReceivedJob<T>, reason: string): Promise<void> {
    try {
      await this.parts.options.onDead(job, reason);
      await this.parts.copyDead(job, reason);
    } catch (error) {
      this.trouble(`dead letter of ${job.jobId} not recorded`, error);
      throw withoutTrace(new Error('DEAD_LETTER_NOT_RECORDED'));
    }
    throw withoutTrace(new UnrecoverableError(reason));
  }

  private async handBack(job: BullJob, token: string): Promise<void> {
    await job.moveToWait(token);
    throw new WaitingError();
  }

  private async progress(job: BullJob, percent: number): Promise<void> {
    try {
      await job.updateProgress(Math.min(100, Math.max(0, Math.round(percent))));
    } catch (error) {
      this.trouble('progress', error);
    }
  }

  private lockRenewed(id: string): void {
    const running = this.running.get(id);
    if (running === undefined) return;
    running.renewedAt = Date.now();
    running.late = 0;
  }

  /** What the broker forgot before its lock ran out was taken by nobody: the handler may finish. */
  private async lockNotRenewed(id: string): Promise<void> {
    const running = this.running.get(id);
    if (running === undefined) return;
    const isLate = Date.now() - running.renewedAt >= LOCK_MS;
    const isKnown = await Job.fromId(this.worker, id).then(
      (job) => job !== undefined,
      () => true,
    );
    if (this.running.get(id) !== running) return;
    if (isKnown || isLate) this.lockLost(id);
    else this.lockRenewed(id);
  }

  private lockLost(id: string): void {
    this.running.get(id)?.delivery.abort('LOCK_LOST');
  }

  /** A lock that could not be renewed in time, be it that the broker was away or this process asleep, is lost. */
  private watchLocks(): void {
    for (const running of this.running.values()) {
      if (Date.now() - running.renewedAt < LOCK_MS) continue;
      running.late += 1;
      // the look right after a sleep comes before the answer to the renewal that is on its way
      if (running.late > 1) running.delivery.abort('LOCK_LOST');
    }
  }

  private async drain(timeoutMs: number): Promise<void> {
    const closed = this.worker.close().catch((error: unknown) => this.trouble('close', error));
    if (!(await endsWithin(closed, timeoutMs))) {
      for (const { delivery } of this.running.values()) delivery.abort('SHUTDOWN');
      if (!(await endsWithin(closed, ABORT_GRACE_MS + CLOSE_MS))) {
        void this.worker.disconnect().catch((error: unknown) => this.trouble('disconnect', error));
      }
    }
    clearInterval(this.lockWatch);
  }

  private trouble(what: string, error: unknown): void {
    this.parts.report(`${this.parts.queueName}: ${what}`, error);
  }
}

/** A stack would say where in our code a booking failed, for each failure of each job, to whoever reads the broker. */
function withoutTrace<E extends Error>(error: E): E {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
