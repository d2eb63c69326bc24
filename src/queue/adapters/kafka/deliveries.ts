import { setTimeout as sleep } from 'node:timers/promises';
import { type AbortCode, Delivery, type DeliveryOutcome, HandlerContext } from '../../delivery.js';
import type { ConsumeOptions, ConsumerActivity, JobHandler, JobType, ReceivedJob } from '../../job-queue.js';
import type { Report } from './client.js';
import { crashesOf, type Outcomes } from './outcomes.js';
import type { Entry } from './partition-work.js';

/** Kafka has no place for it. */
const noProgress = (): Promise<void> => Promise.resolve();

export interface DeliveriesParts<T extends JobType> {
  readonly type: T;
  readonly handle: JobHandler<T>;
  readonly options: ConsumeOptions;
  readonly outcomes: Pick<Outcomes<T>, 'settle' | 'bury' | 'finish'>;
  /** A place has become free. */
  readonly onFree: () => void;
  readonly report: Report;
}

/** The jobs that are with the handler, or whose outcome the broker is being told of. */
export class Deliveries<T extends JobType> {
  private readonly running = new Set<Entry<T>>();
  private lastDeliveryAt = 0;
  private onIdle: () => void = () => undefined;

  constructor(private readonly parts: DeliveriesParts<T>) {}

  get freePlaces(): number {
    return this.parts.options.concurrency - this.running.size;
  }

  start(entry: Entry<T>): void {
    const { handle, options, outcomes } = this.parts;
    const { message, failures } = entry.envelope;
    const crashes = crashesOf(entry);
    const job: ReceivedJob<T> = { ...message, attempt: failures + crashes + 1 };
    this.running.add(entry);
    // a job that has crashed its consumer each time is not given another one to crash
    if (crashes >= options.retry.attempts) {
      void this.settled(entry, outcomes.bury(entry, job, 'STALLED'));
      return;
    }
    const delivery = new Delivery(options.deadlineMs);
    this.lastDeliveryAt = delivery.startedAt;
    entry.delivery = delivery;
    const context = new HandlerContext(delivery, noProgress);
    delivery.start(
      () => handle(job, context),
      (outcome) => this.ended(entry, job, outcome),
    );
  }

  abortAll(code: AbortCode): void {
    for (const { delivery } of this.running) delivery?.abort(code);
  }

  /** Whether nothing runs any more, now or before so many ms have gone. */
  async idleWithin(ms: number): Promise<boolean> {
    if (this.running.size === 0) return true;
    const timeout = new AbortController();
    const idle = new Promise<boolean>((resolve) => (this.onIdle = () => resolve(true)));
    const late = sleep(ms, false, { signal: timeout.signal }).catch(() => false);
    const isIdle = await Promise.race([idle, late]);
    timeout.abort();
    return isIdle;
  }

  activity(): ConsumerActivity {
    const { type, options } = this.parts;
    const started = [...this.running].flatMap(({ delivery }) => delivery?.startedAt ?? []);
    return {
      type,
      concurrency: options.concurrency,
      running: this.running.size,
      deadlineMs: options.deadlineMs,
      oldestRunningSince: started.length === 0 ? null : new Date(Math.min(...started)).toISOString(),
      lastDeliveryAt: this.lastDeliveryAt === 0 ? null : new Date(this.lastDeliveryAt).toISOString(),
    };
  }

  /** A job that is done costs no promise. */
  private ended(entry: Entry<T>, job: ReceivedJob<T>, outcome: DeliveryOutcome): void {
    entry.delivery = null;
    if (outcome.kind === 'done') {
      this.parts.outcomes.finish(entry);
      this.leave(entry);
    } else void this.settled(entry, this.parts.outcomes.settle(entry, job, outcome));
  }

  private async settled(entry: Entry<T>, settling: Promise<void>): Promise<void> {
    try {
      await settling;
    } catch (error) {
      this.parts.report(`delivery of ${entry.envelope.message.jobId}`, error);
    }
    this.leave(entry);
  }

  private leave(entry: Entry<T>): void {
    this.running.delete(entry);
    if (this.running.size === 0) this.onIdle();
    this.parts.onFree();
  }
}
