import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { ABORT_GRACE_MS, Delivery } from '../../delivery.js';
import {
  type ConsumeOptions,
  type ConsumerActivity,
  type Consumption,
  type DeadJob,
  type JobContext,
  type JobHandler,
  type JobType,
  PermanentFailure,
  type ReceivedJob,
} from '../../job-queue.js';
import { parseMessage } from '../../message.js';
import { backoff, failureCode } from '../../retry.js';
import { Acknowledgements } from './acknowledgements.js';
import type { Connection, Report } from './connection.js';
import type { Entry } from './entry.js';
import { GROUP, streamAt, type TypeKeys } from './keys.js';
import { BURY, HAND_BACK, RETRY } from './scripts.js';
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

/** One consumer of the streams of one type of job. */
export class StreamsConsumption<T extends JobType> implements Consumption {
  private readonly running = new Set<Running>();
  private readonly source: Source;
  private readonly done: Acknowledgements;
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
    this.source = new Source(parts, () => this.running);
    this.done = new Acknowledgements(redis, keys, report);
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

  /** Takes no more than can run at once, so that no job waits here while another consumer is idle. */
  private async loop(): Promise<void> {
    while (!this.isStopping()) {
      const free = this.parts.options.concurrency - this.running.size;
      if (free <= 0) {
        await new Promise<void>((resolve) => (this.freed = resolve));
        // what ends in the same turn frees its place as well
        await turn();
        continue;
      }
      try {
        await this.fetch(Math.min(free, this.most));
      } catch (error) {
        if (this.isStopping()) return;
        this.trouble('taking jobs', error);
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  private async fetch(free: number): Promise<void> {
    const askedAt = Date.now();
    const taken = await this.source.take(free);
    if (this.isStopping()) return this.handBack(taken.entries);
    for (const entry of taken.entries) void this.process(entry, askedAt);
    await this.source.wait(taken);
  }

  private async process(entry: Entry, askedAt: number): Promise<void> {
    const { type, options } = this.parts;
    const message = parseMessage(type, json(entry.body));
    if (message === null) {
      this.trouble('foreign message dropped', new Error(`entry ${entry.id}`));
      this.done.add(entry);
      return;
    }
    const running = { entry, delivery: new Delivery(options.deadlineMs), renewedAt: askedAt, late: 0 };
    this.running.add(running);
    try {
      const received = { ...message, attempt: entry.failures + entry.crashes + 1 };
      // a job that has crashed its consumer each time is not given another one to crash
      if (entry.crashes >= options.retry.attempts) await this.bury(entry, received, 'STALLED');
      else await this.deliver(running, received);
    } catch (error) {
      // still pending: it is delivered again when its lock has run out
      this.trouble(`outcome of ${message.jobId} not told`, error);
    } finally {
      this.running.delete(running);
      this.freed();
    }
  }

  private async deliver({ entry, delivery }: Running, received: ReceivedJob<T>): Promise<void> {
    this.lastDeliveryAt = delivery.startedAt;
    const context: JobContext = {
      get signal() {
        return delivery.signal;
      },
      progress: (percent) => this.progress(received.jobId, percent),
    };
    const outcome = await delivery.runLazily(() => this.parts.handle(received, context));
    if (outcome.kind === 'done') {
      this.done.add(entry);
      return;
    }
    if (outcome.kind === 'failed') return this.fail(entry, received, outcome.error);
    switch (outcome.code) {
      case 'SHUTDOWN':
        return this.handBack([entry]);
      case 'LOCK_LOST':
        // it is somebody else's now: touch nothing
        return;
      case 'DEADLINE_EXCEEDED':
        return this.fail(entry, received, new PastDeadline());
      default:
        return outcome.code satisfies never;
    }
  }

  private async fail(entry: Entry, job: ReceivedJob<T>, error: unknown): Promise<void> {
    const isLast = job.attempt >= this.parts.options.retry.attempts;
    if (error instanceof PermanentFailure || isLast) return this.bury(entry, job, failureCode(error));
    await this.retry(entry, job.attempt);
  }

  private async retry(entry: Entry, attempt: number): Promise<void> {
    const { redis, keys, consumer, options, random } = this.parts;
    await redis.run(
      RETRY,
      [streamAt(keys, entry.position), keys.delayed, keys.wake],
      [GROUP, consumer, entry.id, entry.position, backoff(options.retry, attempt, random())],
    );
  }

  /** Where the dead letter cannot be recorded, the job stays and is delivered again. */
  private async bury(entry: Entry, job: ReceivedJob<T>, reason: string): Promise<void> {
    const { redis, keys, consumer, options } = this.parts;
    try {
      await options.onDead(job, reason);
    } catch (error) {
      this.trouble(`dead letter of ${job.jobId} not recorded`, error);
      return this.retry(entry, job.attempt);
    }
    const { attempt, ...message } = job;
    const copy: DeadJob = { ...message, reason, attempts: attempt, failedAt: new Date().toISOString() };
    await redis.run(
      BURY,
      [streamAt(keys, entry.position), keys.dead, keys.deadIds],
      [GROUP, consumer, entry.id, job.jobId, JSON.stringify(copy)],
    );
  }

  private async handBack(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const { redis, keys, consumer } = this.parts;
    const pairs = entries.flatMap(({ position, id }) => [position, id]);
    await redis.run(HAND_BACK, keys.streams, [GROUP, consumer, ...pairs]);
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

class PastDeadline extends Error {
  readonly code = 'DEADLINE_EXCEEDED';
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const timeout = new AbortController();
  const late = sleep(ms, false, { signal: timeout.signal }).catch(() => false);
  const ended = await Promise.race([work.then(() => true), late]);
  timeout.abort();
  return ended;
}
