import type { RedisSettings } from '../../../config/redis.js';
import type { JobQueue } from '../../job-queue.js';
import { StreamsJobQueue } from './adapter.js';
import { Connection, type Report } from './connection.js';
import { keysOf } from './keys.js';

export interface StreamsSettings {
  /** Prefix of all keys. */
  readonly name: string;
  /** Null: none is named. */
  readonly redis: RedisSettings | null;
}

/**
 * Connects, and sees that Redis takes and keeps jobs. Streams and groups come into being when they are needed, again
 * after Redis has lost them.
 * @throws BrokerError where Redis cannot be used
 */
export async function openStreams(
  { name, redis: settings }: StreamsSettings,
  report: Report,
): Promise<JobQueue> {
  if (settings === null) throw new Error('QUEUE_TYPE=streams needs a Redis');
  const redis = new Connection(settings, 'publishing', report);
  await redis.open();
  const queue = new StreamsJobQueue({ settings, keys: keysOf(name), redis, report, random: Math.random });
  try {
    await queue.ping();
    return queue;
  } catch (error) {
    await queue.close();
    throw error;
  }
}
