import type { LazyModuleLoader } from '@nestjs/core';
import type { RedisSettings } from '../../../config/redis.js';
import type { JobQueue } from '../../job-queue.js';
import { BullmqJobQueue, queueNames } from './adapter.js';
import type { Report } from './broker.js';
import { registerQueues } from './bull-queues.js';
import { connectPostgres } from './postgres.js';
import { connectRedis } from './redis.js';

export interface BullmqSettings {
  /** Prefix of all queues. */
  readonly name: string;
  /** Null: on PostgreSQL. */
  readonly redis: RedisSettings | null;
  readonly databaseUrl: string;
}

/**
 * Connects, migrates where PostgreSQL is the broker, and registers the queues.
 * @throws Error when the broker does not answer.
 */
export async function openBullmq(
  settings: BullmqSettings,
  loader: LazyModuleLoader,
  report: Report,
): Promise<JobQueue> {
  const { name, redis, databaseUrl } = settings;
  const broker =
    redis === null ? await connectPostgres(databaseUrl, report) : await connectRedis(redis, name, report);
  try {
    const queues = await registerQueues(loader, queueNames(name), broker.publishers);
    return new BullmqJobQueue({ name, broker, queues, report, random: Math.random });
  } catch (error) {
    await broker.close();
    throw error;
  }
}
