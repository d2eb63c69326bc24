import { createRedisBackend } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisSettings } from '../../../config/redis.js';
import {
  assertRedisKeeps,
  assertRedisWrites,
  isDemoted,
  type RedisCall,
  tellingRedisError,
} from '../../redis-health.js';
import { nameOfRedis, redisOptions } from '../../redis-options.js';
import { BROKER_TIMEOUT_MS, type Broker, type Report } from './broker.js';

const reconnectAfterMs = (times: number): number => Math.min(50 * times, 1000);

/**
 * BullMQ on Redis, which must not evict keys, not even those with a time to live: locks of running jobs have one.
 * @param prefix of the names of the queues
 * @throws BrokerError where Redis cannot be used
 */
export async function connectRedis(settings: RedisSettings, prefix: string, report: Report): Promise<Broker> {
  const server = redisOptions(settings);
  const shared = new Redis({
    ...server,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: BROKER_TIMEOUT_MS,
    connectTimeout: BROKER_TIMEOUT_MS,
    disconnectTimeout: 200,
    retryStrategy: reconnectAfterMs,
    reconnectOnError: isDemoted,
  });
  const name = nameOfRedis(settings);
  const seen: unknown[] = [];
  shared.on('error', (error: unknown) => {
    if (seen.length < 20) seen.push(error);
    report('Redis (publishing)', error);
  });
  const call: RedisCall = (command, ...args) => shared.call(command, ...args);
  const ping = async (): Promise<void> => {
    await assertRedisWrites(call, name, `bull:${prefix}-probe`);
    await assertRedisKeeps(call, name, 'all');
  };
  try {
    await withinBrokerTimeout(shared.connect());
    await ping();
  } catch (error) {
    shared.disconnect();
    throw tellingRedisError(name, [error, ...seen]);
  }
  return {
    technology: 'bullmq-redis',
    publishers: (name, opts, kind) => createRedisBackend(name, { ...opts, connection: shared }, kind),
    consumers: (name, opts, kind) =>
      createRedisBackend(
        name,
        {
          ...opts,
          connection: {
            ...server,
            maxRetriesPerRequest: null,
            connectTimeout: BROKER_TIMEOUT_MS,
            retryStrategy: reconnectAfterMs,
            // 2: what a demoted server refused is sent again to the one that is found then
            reconnectOnError: (error: Error) => (isDemoted(error) ? 2 : false),
          },
        },
        kind,
      ),
    version: async () => /^redis_version:(\S+)/m.exec(await shared.info('server'))?.[1] ?? null,
    ping,
    close: async () => {
      await shared.quit().catch(() => shared.disconnect());
    },
  };
}

/** Sentinels that are away are asked again and again by the client itself. */
async function withinBrokerTimeout(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), BROKER_TIMEOUT_MS);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
