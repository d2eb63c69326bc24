import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import {
  ABORT_GRACE_MS,
  Delivery,
  type DeliveryOutcome,
  HandlerContext,
  endsWithin,
} from '../../delivery.js';
import type {
  ConsumeOptions,
  ConsumerActivity,
  Consumption,
  JobHandler,
  JobType,
  ReceivedJob,
} from '../../job-queue.js';
import { parseMessage } from '../../message.js';
import { Acknowledgements } from './acknowledgements.js';
import type { Connection, Report } from './connection.js';
import type { Entry, Taken } from './entry.js';
import { GROUP, type TypeKeys } from './keys.js';
import { Outcomes } from './outcomes.js';
import { Source } from './source.js';
import { type Held, Upkeep } from './upkeep.js';
import { LEAVE } from './upkeep-scripts.js';

/** Between tries while Redis is away. */
const RETRY_MS = 500;
/** Past the grace of its aborted deliveries, a stop waits so long for Redis. */
const CLOSE_MS = 2000;
const PROGRESS_KEPT_MS = 600_000;

export interface ConsumptionParts<T extends JobType> {
  readonly type: T;
  readonly keys: TypeKeys;
  /** Its name in the consumer group, of no other consumption. */
  readonly consumer: string;
  /** Its own, opened. */
  readonly redis: Connection;
  /** Its own, opened, for commands that block. */
  readonly waiting: Connection;
  readonly handle: JobHandler<T>;
  readonly options: ConsumeOptions;
  readonly report: Report;
  /** From 0 to below 1. */
  readonly random: () => number;
}

interface Running extends Held {
  readonly entry: Entry;
  readonly delivery: Delivery;
}

interface Asked {
  readonly askedAt: number;
  readonly taken: Promise<Taken>;
}

/** One consumer of the streams of one type of job. */
export class StreamsConsumption<T extends JobType> implements Consumption {
  private readonly running = new Set<Running>();
  private readonly source: Source;
  private readonly done: Acknowledgements;
  private readonly outcomes: Outcomes<T>;
  private readonly upkeep: Upkeep<Running>;
  private readonly looping: Promise<void>;
  /** Called whenever a place has become free. */
  private freed: () => void = () => undefined;
  private lastDeliveryAt = 0;
  /** Half of the places at a time: the next jobs are on their way while the last ones run. */
  private readonly most: number;
  private stopped: Promise<void> | null = null;

  constructor(private readonly parts: ConsumptionParts<T>) {
    const { redis, keys, consumer } = parts;
    const report: Report = (what, error) => this.trouble(what, error);
    this.done = new Acknowledgements(redis, keys, report);
    this.source = new Source(parts, this.done, () => [...this.running].map(({ entry }) => entry));
    this.outcomes = new Outcomes({ ...parts, report });
    const lost = ({ delivery }: Running): void => delivery.abort('LOCK_LOST');
    this.upkeep = new Upkeep({ redis, keys, consumer, held: this.running, lost, report });
    this.most = Math.ceil(parts.options.concurrency / 2);
    this.looping = this.loop();
  }

  activity(): ConsumerActivity {
    const { type, options } = this.parts;
    const started = [...this.running].map(({ delivery }) => delivery.startedAt);
    return {
      type,
      concurrency: options.concurrency,
      running: started.length,
      deadlineMs: options.deadlineMs,
      oldestRunningSince: started.length === 0 ? null : new Date(Math.min(...started)).toISOString(),
      lastDeliveryAt: this.lastDeliveryAt === 0 ? null : new Date(this.lastDeliveryAt).toISOString(),
    };
  }

  stop(timeoutMs: number): Promise<void> {
    this.stopped ??= this.drain(timeoutMs);
    return this.stopped;
  }

  private async loop(): Promise<void> {
    while (!this.isStopping()) {
      if (this.room() <= 0) {
        await new Promise<void>((resolve) => (this.freed = resolve));
        // what ends in the same turn frees its place as well
        await turn();
        continue;
      }
      try {
        await this.takeWhileThereIs();
      } catch (error) {
        if (this.isStopping()) return;
        this.trouble('taking jobs', error);
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** The next jobs are asked for before the last ones begin: Redis works while they do. */
  private async takeWhileThereIs(): Promise<void> {
    for (let asked: Asked | null = this.ask(this.room()); asked !== null;) {
      const { askedAt } = asked;
      const taken: Taken = await asked.taken;
      if (this.isStopping()) return this.outcomes.handBack(taken.entries);
      const isMoreThere = taken.tops.length === 0;
      const room = this.room() - taken.entries.length;
      asked = isMoreThere && room > 0 ? this.ask(room) : null;
      for (const entry of taken.entries) this.begin(entry, askedAt);
      if (asked === null) await this.source.wait(taken);
    }
  }

  /** No more than can run at once, so that no job waits here while another consumer is idle. */
  private ask(room: number): Asked {
    return { askedAt: Date.now(), taken: this.source.take(Math.min(room, this.most)) };
  }

  private room(): number {
    return this.parts.options.concurrency - this.running.size;
  }

  private begin(entry: Entry, askedAt: number): void {
    const { type, handle, options } = this.parts;
    const message = parseMessage(type, json(entry.body));
    if (message === null) {
      this.trouble('foreign message dropped', new Error(`entry ${entry.id}`));
      this.done.add(entry);
      return;
    }
    const job = { ...message, attempt: entry.failures + entry.crashes + 1 };
    const delivery = new Delivery(options.deadlineMs);
    const running: Running = { entry, delivery, renewedAt: askedAt, late: 0 };
    this.running.add(running);
    // a job that has crashed its consumer each time is not given another one to crash
    if (entry.crashes >= options.retry.attempts) {
      void this.told(running, job, this.outcomes.bury(entry, job, 'STALLED'));
      return;
    }
    this.lastDeliveryAt = delivery.startedAt;
    const context = new HandlerContext(delivery, (percent) => this.progress(job.jobId, percent));
    delivery.start(
      () => handle(job, context),
      (outcome) => this.ended(running, job, outcome),
    );
  }

  private ended(running: Running, job: ReceivedJob<T>, outcome: DeliveryOutcome): void {
    if (outcome.kind !== 'done') {
      void this.told(running, job, this.outcomes.settle(running.entry, job, outcome));
      return;
    }
    this.done.add(running.entry);
    this.leave(running);
  }

  private async told(running: Running, { jobId }: ReceivedJob<T>, telling: Promise<void>): Promise<void> {
    try {
      await telling;
    } catch (error) {
      // still pending: it is delivered again when its lock has run out
      this.trouble(`outcome of ${jobId} not told`, error);
    }
    this.leave(running);
  }

  private leave(running: Running): void {
    this.running.delete(running);
    this.freed();
  }

  private async progress(jobId: string, percent: number): Promise<void> {
    if (!Number.isFinite(percent)) return;
    const bounded = Math.min(100, Math.max(0, Math.round(percent)));
    try {
      await this.parts.redis.set(this.parts.keys.progress(jobId), String(bounded), PROGRESS_KEPT_MS);
    } catch (error) {
      this.trouble('progress', error);
    }
  }

  private isStopping(): boolean {
    return this.stopped !== null;
  }

  private async drain(timeoutMs: number): Promise<void> {
    const { redis, waiting, keys, consumer } = this.parts;
    // `stopped` is set when this has run to its first wait
    await Promise.resolve();
    waiting.disconnect();
    this.freed();
    const drained = this.drained();
    if (!(await endsWithin(drained, timeoutMs))) {
      for (const { delivery } of this.running) delivery.abort('SHUTDOWN');
    }
    const left = drained
      .then(() => redis.run(LEAVE, [...keys.streams, keys.workers], [GROUP, consumer]))
      .catch((error: unknown) => this.trouble('leaving', error));
    await endsWithin(left, ABORT_GRACE_MS + CLOSE_MS);
    this.done.giveUp();
    this.upkeep.stop();
    redis.disconnect();
  }

  /** Nothing is running, nothing will be, and Redis knows what is done. */
  private async drained(): Promise<void> {
    await this.looping;
    while (this.running.size > 0) await new Promise<void>((resolve) => (this.freed = resolve));
    await this.done.told();
  }

  private trouble(what: string, error: unknown): void {
    this.parts.report(`${this.parts.type}: ${what}`, error);
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
