import type { Actor } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { Config } from '../config/config.js';
import type { Metrics } from '../metrics/metrics.js';
import { WorkerActivity, type WorkerStatus } from '../metrics/worker-activity.js';
import {
  PermanentFailure,
  type Consumption,
  type JobHandler,
  type JobQueue,
  type JobType,
  type QueueCounts,
  type ReceivedJob,
} from '../queue/job-queue.js';
import type { AdmissionProcessor } from './admission.processor.js';
import { Chore } from './chore.js';
import type { Failed, FailureAbout } from './failed.js';
import type { FulfilmentProcessor } from './fulfilment.processor.js';
import type { Sweeper } from './sweeper.js';

/** Admissions are short and one a line at a time in any case. */
const ADMIT_CONCURRENCY = 4;
const LOOK_AT_BACKLOG_EVERY_MS = 2000;

/** One delivery of a job, for the log. */
export interface JobTold extends FailureAbout {
  readonly event: 'job.begun' | 'job.done' | 'job.retried' | 'job.dead';
  readonly message: string;
  readonly type: JobType;
}

/** Start, drain and stop around `consume`; says of itself whether it is at work. */
export class WorkerService extends WorkerActivity {
  private consumptions: Consumption[] = [];
  private lastProgressAt: Date | null = null;
  private counts: QueueCounts | null = null;
  private stopping: Promise<void> | undefined;
  private readonly look: Chore;

  constructor(
    private readonly queue: JobQueue,
    private readonly ledger: Ledger,
    private readonly admission: AdmissionProcessor,
    private readonly fulfilment: FulfilmentProcessor,
    private readonly sweeper: Sweeper,
    private readonly metrics: Metrics,
    private readonly config: Pick<Config, 'worker' | 'shutdownTimeoutMs'>,
    private readonly actor: Actor,
    private readonly failed: Failed,
    private readonly told: (job: JobTold) => void,
  ) {
    super();
    this.look = new Chore(
      LOOK_AT_BACKLOG_EVERY_MS,
      async () => {
        this.counts = await this.queue.counts();
      },
      failed,
    );
  }

  async start(): Promise<void> {
    this.sweeper.start();
    this.fulfilment.start();
    this.look.start();
    this.consumptions = await Promise.all([
      this.consume('booking.admit', ADMIT_CONCURRENCY, (job) => this.admission.handle(job)),
      this.consume('booking.fulfil', this.config.worker.concurrency, (job, context) =>
        this.fulfilment.handle(job, context),
      ),
    ]);
  }

  /** Takes nothing new; what runs ends or is handed back, within the bound of the configuration. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  override status(): WorkerStatus {
    const activity = this.queue.activity();
    const counts = this.counts;
    const backlog =
      counts !== null &&
      !counts.paused &&
      this.stopping === undefined &&
      activity.some(
        ({ type, running, concurrency }) => counts.types[type].waiting > 0 && running < concurrency,
      );
    return {
      running: activity.reduce((sum, { running }) => sum + running, 0),
      lastProgressAt: this.lastProgressAt,
      backlog,
    };
  }

  private async drain(): Promise<void> {
    await Promise.all([
      this.look.stop(),
      this.sweeper.stop(),
      ...this.consumptions.map((consumption) => consumption.stop(this.config.shutdownTimeoutMs)),
    ]);
    await this.fulfilment.stop();
  }

  private consume<T extends JobType>(
    type: T,
    concurrency: number,
    handle: JobHandler<T>,
  ): Promise<Consumption> {
    const { attempts, backoffMs, maxBackoffMs, jobDeadlineMs } = this.config.worker;
    return this.queue.consume<T>(
      type,
      (job, context) => this.measured(job, () => handle(job, context), attempts),
      {
        concurrency,
        retry: { attempts, backoffMs, maxBackoffMs },
        deadlineMs: jobDeadlineMs,
        onDead: (job, reason) => this.bury(job, reason),
      },
    );
  }

  private async measured(job: ReceivedJob, work: () => Promise<void>, attempts: number): Promise<void> {
    const begun = performance.now();
    const about = aboutOf(job);
    if (job.attempt === 1)
      this.metrics.jobDelivered(job.type, (Date.now() - Date.parse(job.timestamp)) / 1000);
    const tell = (word: 'begun' | 'done' | 'retried' | 'dead'): void =>
      this.told({ event: `job.${word}`, message: `a job is ${word}`, type: job.type, ...about });
    const done = (outcome: 'done' | 'retried' | 'dead'): void => {
      this.lastProgressAt = new Date();
      tell(outcome);
      this.metrics.jobHandled(job.type, outcome, (performance.now() - begun) / 1000);
    };
    tell('begun');
    try {
      await work();
      done('done');
    } catch (error) {
      const dead = error instanceof PermanentFailure || job.attempt >= attempts;
      done(dead ? 'dead' : 'retried');
      this.failed(error, about);
      throw error;
    }
  }

  /**
   * A paid booking whose fulfilment failed for good waits for an operator. One that is still paying does not: its
   * attempt is settled with the provider, which leads it on. A lost admission is found by the sweeper.
   */
  private async bury(job: ReceivedJob, reason: string): Promise<void> {
    if (!('bookingId' in job.data)) return;
    const { jobId, type, attempt: attempts } = job;
    const letter = await this.ledger.openDeadLetter(
      { bookingId: job.data.bookingId, jobId, jobType: type, reason: codeOf(reason), attempts },
      this.actor,
    );
    if (letter !== null) this.metrics.deadLettered(letter.reason);
  }
}

const aboutOf = ({ jobId, attempt, data }: ReceivedJob): FailureAbout =>
  'bookingId' in data
    ? { jobId, attempt, bookingId: data.bookingId, correlationId: data.correlationId }
    : { jobId, attempt };

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** A dead letter says a stable code; an error's own words may hold what is nobody's business. */
const codeOf = (reason: string): string => (CODE.test(reason) ? reason : 'RETRIES_EXHAUSTED');
