import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redisAt } from '../support/redis-at.js';
import { describeWithRedis } from '../support/redis.js';
import { Bench, fulfils, Log, until } from './bench.js';
import { describeJobQueue } from './describe-job-queue.js';
import { hasRedisServer, startOwnRedis } from './own-redis.js';
import { StableAddress } from './stable-address.js';
import type { RunningBroker } from './target.js';

const broker = (redisUrl: string, stop: () => Promise<void>): RunningBroker => ({
  settings: {
    ...{ type: 'streams', redis: redisAt(redisUrl), kafka: null },
    databaseUrl: 'postgres://127.0.0.1:1/not-used',
  },
  progressOf: async (queueName, jobId) => {
    const redis = new Redis(redisUrl);
    try {
      const progress = await redis.get(`{${queueName}-fulfil}:progress:${jobId}`);
      return progress === null ? null : Number(progress);
    } finally {
      await redis.quit();
    }
  },
  stop,
});

/** The Redis is shared with others: only keys of queues that this suite named go. */
async function removeKeys(url: string, match = '{t????????-*'): Promise<void> {
  const redis = new Redis(url);
  for await (const keys of redis.scanStream({ match, count: 500 }) as AsyncIterable<string[]>) {
    if (keys.length > 0) await redis.unlink(...keys);
  }
  await redis.quit();
}

describeWithRedis('With Redis', (url) => {
  describeJobQueue('Redis Streams', {
    capabilities: {
      orderByKey: false,
      priorities: true,
      delay: true,
      rateLimit: 'global',
      progress: true,
      globalPause: true,
    },
    start: () => Promise.resolve(broker(url, () => removeKeys(url))),
    wipe: (_broker, name) => removeKeys(url, `{${name}-*`),
    startOwn: hasRedisServer()
      ? async () => {
          const { url: own, halt, resume, stop } = await startOwnRedis();
          return { ...broker(own, stop), halt, resume };
        }
      : { unavailable: 'there is no redis-server on this machine to restart' },
  });

  it('loses no job and takes none for crashed when all its connections are cut under load', async () => {
    const address = new StableAddress();
    await address.open(new URL(url));
    const behind = new Bench(broker(address.of(url), () => Promise.resolve()));
    try {
      const { queue } = await behind.open();
      const log = new Log();
      await queue.publish(fulfils(600));
      await behind.consume(
        queue,
        log.then(() => sleep(2)),
        { retry: { attempts: 1, backoffMs: 20, maxBackoffMs: 100 } },
      );
      for (let cut = 1; cut <= 5; cut += 1) {
        await log.reaches(cut * 80);
        address.cut();
      }
      await until('each job was delivered', () => new Set(log.ids).size === 600);
      // with one attempt, a job that counted as crashed would be dead
      await until('nothing is left', async () => {
        const counts = await queue.counts().catch(() => null);
        const { waiting, active, delayed } = counts?.types['booking.fulfil'] ?? {
          waiting: 1,
          active: 0,
          delayed: 0,
        };
        return waiting + active + delayed === 0;
      });
      expect((await queue.counts()).types['booking.fulfil'].dead).toBe(0);
    } finally {
      await behind.close();
      await address.close();
      await removeKeys(url);
    }
  });
});
