import { Redis } from 'ioredis';

/** The Redis of the tests is shared with others: only BullMQ's keys of queues with this prefix go. */
export async function removeQueue(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url);
  const keys = redis.scanStream({ match: `bull:${prefix}*`, count: 500 }) as AsyncIterable<string[]>;
  for await (const batch of keys) if (batch.length > 0) await redis.unlink(...batch);
  await redis.quit();
}
