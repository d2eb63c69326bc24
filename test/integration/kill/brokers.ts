import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { startKafka } from '../../../scripts/support/kafka-cluster.mjs';
import { startRedis } from '../../../scripts/support/redis-server.mjs';
import { eventually } from './place.js';

/** A real broker of one test's own. */
export interface Broker {
  /** How the application is told of it. */
  readonly env: Readonly<Record<string, string>>;
  /** Takes everything that it holds, while it runs. */
  wipe(): Promise<void>;
  /** `SIGKILL`. */
  kill(): Promise<void>;
  /** At the same address. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export type Technology = 'bullmq-redis' | 'streams' | 'kafka';

export const startBroker = (technology: Technology, folder: string): Promise<Broker> =>
  technology === 'kafka' ? ownKafka(folder) : ownRedis(technology, folder);

/** It persists nothing: killed, it comes back empty. */
async function ownRedis(technology: Technology, folder: string): Promise<Broker> {
  const place = join(folder, 'redis');
  await mkdir(place, { recursive: true });
  const server = await startRedis({ folder: place });
  return {
    env: { REDIS_URL: server.url, QUEUE_TYPE: technology === 'streams' ? 'streams' : 'bullmq' },
    wipe: async () => {
      const client = new Redis(server.url);
      await client.flushall();
      await client.quit();
    },
    kill: () => server.kill(),
    resume: () => server.resume(),
    stop: () => server.stop(),
  };
}

async function ownKafka(folder: string): Promise<Broker> {
  const place = join(folder, 'kafka');
  await mkdir(place, { recursive: true });
  await chmod(place, 0o755);
  const cluster = await startKafka({ folder: place });
  return {
    env: {
      ...{ QUEUE_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: cluster.bootstrap, KAFKA_PARTITIONS: '4' },
    },
    wipe: () => deleteTopics(cluster.bootstrap),
    kill: async () => void (await cluster.kill()),
    resume: async () => void (await cluster.resume()),
    stop: async () => void (await cluster.stop()),
  };
}

async function deleteTopics(bootstrap: string): Promise<void> {
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'));
    await admin.deleteTopics({ topics });
    await eventually('the topics are gone', async () => {
      const left = await admin.listTopics();
      return topics.some((topic) => left.includes(topic)) ? null : true;
    }).catch(() => undefined);
  } finally {
    await admin.disconnect();
  }
}
