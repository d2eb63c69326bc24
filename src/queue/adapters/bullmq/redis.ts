import { createRedisBackend } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisSettings } from '../../../config/redis.js';
import { redisOptions } from '../../redis-options.js';
import { BROKER_TIMEOUT_MS, type Broker, type Report } from './broker.js';

const reconnectAfterMs = (times: number): number => Math.min(50 * times, 1000);

/**
 * BullMQ on Redis, which must not evict keys (BullMQ warns of any policy but `noeviction`).
 * @throws Error when Redis does not answer.
 */
export async function connectRedis(settings: RedisSettings, report: Report): Promise<Broker> {
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
  });
  shared.on('error', (error: unknown) => report('Redis (publishing)', error));
  try {
    await shared.connect();
  } catch (error) {
    shared.disconnect();
    throw new Error('Redis does not answer', { cause: error });
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
          },
        },
        kind,
      ),
    version: async () => /^redis_version:(\S+)/m.exec(await shared.info('server'))?.[1] ?? null,
    close: async () => {
      await shared.quit().catch(() => shared.disconnect());
    },
  };
}
