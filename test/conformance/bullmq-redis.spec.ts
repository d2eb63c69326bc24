import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { redisAt } from '../support/redis-at.js';
import { describeWithRedis } from '../support/redis.js';
import { BULLMQ } from './bullmq.js';
import { describeJobQueue } from './describe-job-queue.js';
import { hasRedisServer, startOwnRedis } from './own-redis.js';
import type { RunningBroker } from './target.js';

const broker = (redisUrl: string, stop: () => Promise<void>): RunningBroker => ({
  settings: {
    ...{ type: 'bullmq', redis: redisAt(redisUrl), kafka: null },
    databaseUrl: 'postgres://127.0.0.1:1/not-used',
  },
  progressOf: async (queueName, jobId) => {
    const queue = new Queue(`${queueName}-fulfil`, { connection: { url: redisUrl } });
    try {
      const progress: unknown = (await queue.getJob(`job-${jobId}`))?.progress;
      return typeof progress === 'number' ? progress : null;
    } finally {
      await queue.close();
    }
  },
  stop,
});

/** The Redis is shared with others: only keys of queues that this suite named go. */
async function removeKeys(url: string, match = 'bull:t????????-*'): Promise<void> {
  const redis = new Redis(url);
  for await (const keys of redis.scanStream({ match, count: 500 }) as AsyncIterable<string[]>) {
    if (keys.length > 0) await redis.unlink(...keys);
  }
  await redis.quit();
}

describeWithRedis('With Redis', (url) => {
  describeJobQueue('BullMQ, Redis', {
    capabilities: BULLMQ,
    start: () => Promise.resolve(broker(url, () => removeKeys(url))),
    wipe: (_broker, name) => removeKeys(url, `bull:${name}-*`),
    startOwn: hasRedisServer()
      ? async () => {
          const { url: own, halt, resume, stop } = await startOwnRedis();
          return { ...broker(own, stop), halt, resume };
        }
      : { unavailable: 'there is no redis-server on this machine to restart' },
  });
});
