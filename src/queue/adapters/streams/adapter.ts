import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { pid } from 'node:process';
import type { RedisSettings } from '../../../config/redis.js';
import {
  type ConsumeOptions,
  type ConsumerActivity,
  type Consumption,
  type DeadLetters,
  type JobHandler,
  JobQueue,
  JOB_TYPES,
  type JobType,
  type NewJob,
  type QueueCounts,
  type QueueFigures,
} from '../../job-queue.js';
import { toMessage } from '../../message.js';
import { assertRedisKeeps, assertRedisWrites, redisError } from '../../redis-health.js';
import { CAPABILITIES } from './capabilities.js';
import { Connection, type Report } from './connection.js';
import { StreamsConsumption } from './consumption.js';
import { StreamsDeadLetters } from './dead-letters.js';
import { readCounts, readFigures } from './figures.js';
import { everyType, type KeysByType, PRIORITY, streamAt, type TypeKeys } from './keys.js';
import { PUBLISH } from './scripts.js';

/** Jobs in one script, which nobody else may interrupt. */
const BATCH = 500;
const CLOSE_TIMEOUT_MS = 10_000;

export interface StreamsParts {
  readonly settings: RedisSettings;
  readonly keys: KeysByType;
  /** Opened; shared by all but the consumptions, which open their own. */
  readonly redis: Connection;
  readonly report: Report;
  /** From 0 to below 1, for the jitter. */
  readonly random: () => number;
}

/** The queue on Redis Streams: a stream per priority and one consumer group for each type of job. */
export class StreamsJobQueue extends JobQueue {
  readonly capabilities = CAPABILITIES;
  readonly deadLetters: DeadLetters;
  private readonly consumptions = new Set<Pick<StreamsConsumption<JobType>, 'stop' | 'activity'>>();
  private closed: Promise<void> | null = null;

  constructor(private readonly parts: StreamsParts) {
    super();
    const copies = new StreamsDeadLetters(parts.redis, parts.keys);
    this.deadLetters = {
      list: (limit) => this.told(copies.list(limit)),
      remove: (jobId) => this.told(copies.remove(jobId)),
    };
  }

  async publish(jobs: readonly NewJob[]): Promise<void> {
    this.assertOpen();
    const now = new Date();
    const texts = jobs.map((job) => ({ job, text: JSON.stringify(toMessage(job, now)) }));
    const sent: Promise<void>[] = [];
    for (const type of JOB_TYPES) {
      const some = texts.filter(({ job }) => job.type === type);
      for (let from = 0; from < some.length; from += BATCH) {
        sent.push(this.send(this.parts.keys[type], some.slice(from, from + BATCH)));
      }
    }
    await this.told(Promise.all(sent));
  }

  async consume<T extends JobType>(
    type: T,
    handle: JobHandler<T>,
    options: ConsumeOptions,
  ): Promise<Consumption> {
    this.assertOpen();
    const { settings, keys, report, random } = this.parts;
    const waiting = new Connection(settings, 'waiting', report);
    // waiting is reading, which a demoted server never refuses
    const redis = new Connection(settings, 'consuming', report, () => waiting.reconnect());
    await openBoth(redis, waiting);
    const consumer = `${hostname()}-${pid}-${randomBytes(4).toString('hex')}`;
    const consumption = new StreamsConsumption({
      ...{ type, keys: keys[type], consumer, redis, waiting, handle, options, report, random },
    });
    this.consumptions.add(consumption);
    return {
      stop: async (timeoutMs) => {
        await consumption.stop(timeoutMs);
        this.consumptions.delete(consumption);
      },
    };
  }

  async counts(): Promise<QueueCounts> {
    return this.told(readCounts(this.parts.redis, this.parts.keys));
  }

  async figures(): Promise<QueueFigures> {
    return this.told(readFigures(this.parts.redis, this.parts.keys));
  }

  activity(): readonly ConsumerActivity[] {
    return [...this.consumptions].map((consumption) => consumption.activity());
  }

  async pause(): Promise<void> {
    const { redis, keys } = this.parts;
    await this.told(Promise.all(everyType(keys).map(({ paused }) => redis.set(paused, '1'))));
  }

  async resume(): Promise<void> {
    const { redis, keys } = this.parts;
    const resumed = everyType(keys).map(async ({ paused, wake }) => {
      await redis.remove(paused);
      await redis.wake(wake);
    });
    await this.told(Promise.all(resumed));
  }

  async ping(): Promise<void> {
    this.assertOpen();
    const { redis, keys } = this.parts;
    await Promise.all([
      ...everyType(keys).map(({ probe }) => assertRedisWrites(redis.call, redis.name, probe)),
      ...redis.servers().map((call) => assertRedisKeeps(call, redis.name, 'lasting')),
    ]);
  }

  close(): Promise<void> {
    this.closed ??= this.shutDown();
    return this.closed;
  }

  private async shutDown(): Promise<void> {
    await Promise.all([...this.consumptions].map((consumption) => consumption.stop(CLOSE_TIMEOUT_MS)));
    this.parts.redis.disconnect();
  }

  private async send(keys: TypeKeys, batch: readonly { job: NewJob; text: string }[]): Promise<void> {
    const { redis } = this.parts;
    const [first] = batch;
    if (batch.length === 1 && first !== undefined && (first.job.delayMs ?? 0) === 0) {
      return redis.add(streamAt(keys, PRIORITY[first.job.priority ?? 'normal']), first.text);
    }
    const args = batch.flatMap(({ job, text }) => [
      PRIORITY[job.priority ?? 'normal'],
      job.delayMs ?? 0,
      text,
    ]);
    await redis.run(PUBLISH, [...keys.streams, keys.delayed, keys.wake], args);
  }

  /** @throws BrokerError instead of what the client throws */
  private async told<R>(work: Promise<R>): Promise<R> {
    try {
      return await work;
    } catch (error) {
      throw redisError(this.parts.redis.name, error);
    }
  }

  private assertOpen(): void {
    if (this.closed !== null) throw new Error('The queue is closed');
  }
}

/** Both or none. */
async function openBoth(one: Connection, other: Connection): Promise<void> {
  const opened = await Promise.allSettled([one.open(), other.open()]);
  const failed = opened.find((result) => result.status === 'rejected');
  if (failed === undefined) return;
  one.disconnect();
  other.disconnect();
  throw failed.reason;
}
