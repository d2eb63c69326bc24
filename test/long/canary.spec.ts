import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startKafka } from '../../scripts/support/kafka-cluster.mjs';
import { startRedis } from '../../scripts/support/redis-server.mjs';
import type { CanaryBroker } from '../support/canary/canary-sale.js';
import type { Canaries } from '../support/canary/canaries.js';
import { kafkaTopics, redisKeys } from '../support/canary/broker-content.js';
import { describeCanary } from '../support/canary/describe-canary.js';

type OwnBroker = CanaryBroker & { close(): Promise<void> };

/** BullMQ on PostgreSQL is in test/integration/security/canary.spec.ts. */
for (const [name, type] of [
  ['BullMQ on Redis', 'bullmq'],
  ['Redis Streams', 'streams'],
] as const) {
  describeCanary(name, (_, canaries) => ownRedis(type, canaries));
}
describeCanary('Kafka', () => ownKafka());

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'fairline-canary-'));

/** One that wants a password. */
async function ownRedis(type: string, { redisPassword }: Canaries): Promise<OwnBroker> {
  const folder = await newFolder();
  const server = await startRedis({ folder });
  const open = new Redis(server.url);
  await open.config('SET', 'requirepass', redisPassword);
  await open.quit();
  const url = server.url.replace('redis://', `redis://:${redisPassword}@`);
  return {
    env: { QUEUE_TYPE: type, REDIS_URL: url },
    read: redisKeys(url),
    interrupt: async () => {
      const redis = new Redis(url);
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await redis.call('CLIENT', 'PAUSE', '3000', 'ALL');
      redis.disconnect();
      await sleep(3500);
    },
    close: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ownKafka(): Promise<OwnBroker> {
  const folder = await newFolder();
  const cluster = await startKafka({ folder });
  return {
    env: { QUEUE_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: cluster.bootstrap, KAFKA_PARTITIONS: '2' },
    read: kafkaTopics(cluster.bootstrap),
    interrupt: async () => {
      await cluster.kill();
      await sleep(2000);
      await cluster.resume();
    },
    close: async () => {
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
