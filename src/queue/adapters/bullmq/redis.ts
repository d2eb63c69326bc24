import { createRedisBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { BROKER_TIMEOUT_MS, type Broker, type Report } from './broker.js';

const reconnectAfterMs = (times: number): number => Math.min(50 * times, 1000);

/**
 * BullMQ on Redis, which must not evict keys (BullMQ warns of any policy but `noeviction`).
 * @throws Error when Redis does not answer.
 */
export async function connectRedis(url: string, report: Report): Promise<Broker> {
  const shared = new Redis(url, {
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
    publishers: (name, opts, kind) => createRedisBackend(name, { ...opts, connection: shared }, kind),
    consumers: (name, opts, kind) =>
      createRedisBackend(
        name,
        {
          ...opts,
          connection: {
            url,
            maxRetriesPerRequest: null,
            connectTimeout: BROKER_TIMEOUT_MS,
            retryStrategy: reconnectAfterMs,
          },
        },
        kind,
      ),
    close: async () => {
      await shared.quit().catch(() => shared.disconnect());
    },
  };
}
