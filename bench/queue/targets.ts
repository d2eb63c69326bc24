import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as KafkaScript from '../../scripts/support/kafka-cluster.mjs';
import type * as RedisScript from '../../scripts/support/redis-server.mjs';
import { kafkaSettings } from '../../src/config/kafka.js';
import { Reader } from '../../src/config/reader.js';
import { redisSettings } from '../../src/config/redis.js';
import type { QueueTechnology } from '../../src/queue/job-queue.js';
import type { QueueSettings } from '../../src/queue/queue.module.js';
import { onInterrupt } from '../support/on-interrupt.js';
import type { OwnDatabase } from '../support/own-database.js';
import { type Contender, PARTITIONS } from './contender.js';
import { openOurs } from './ours.js';
import { openRawBullmq } from './raw-bullmq.js';
import { openRawKafka } from './raw-kafka.js';
import { openRawStreams } from './raw-streams.js';

/** Two on one server: what the application does, and what the client library alone does. */
export interface Target {
  readonly ours: Contender;
  readonly raw: Contender;
  close(): Promise<void>;
}

/** In the order in which they are measured, and how many jobs of a round are theirs: rounds take about as long for each. */
export const TARGETS: Readonly<Record<QueueTechnology, { readonly share: number }>> = {
  'bullmq-postgres': { share: 0.2 },
  'bullmq-redis': { share: 1 },
  streams: { share: 4 },
  kafka: { share: 4 },
};

export interface Ground {
  readonly database: OwnDatabase;
  readonly isDurable: boolean;
  readonly say: (line: string) => void;
}

/** @throws Error where its broker cannot be had */
export function openTarget(technology: QueueTechnology, ground: Ground): Promise<Target> {
  switch (technology) {
    case 'bullmq-postgres':
      return onPostgres(ground.database.url);
    case 'bullmq-redis':
      return onRedis('bullmq', ground, openRawBullmq);
    case 'streams':
      return onRedis('streams', ground, openRawStreams);
    case 'kafka':
      return onKafka(ground);
    default:
      return technology satisfies never;
  }
}

const settings = (
  type: QueueSettings['type'],
  more: Partial<Pick<QueueSettings, 'redis' | 'kafka' | 'databaseUrl'>>,
): QueueSettings => ({
  ...{ type, name: 'ours', redis: null, kafka: null, databaseUrl: 'postgres://127.0.0.1:1/not-used' },
  ...more,
});

async function both(own: QueueSettings, openRaw: () => Promise<Contender>, stop: () => Promise<void>) {
  const ours = await openOurs(own);
  const raw = await openRaw();
  return {
    ours,
    raw,
    close: async () => {
      await Promise.all([ours.close(), raw.close()]);
      await stop();
    },
  };
}

const onPostgres = (databaseUrl: string): Promise<Target> =>
  both(
    settings('bullmq', { databaseUrl }),
    () => openRawBullmq(databaseUrl),
    () => Promise.resolve(),
  );

/** Scripts of this project that are not compiled: found from the folder that `npm run` runs in. */
const script = (name: string): string => pathToFileURL(join(process.cwd(), 'scripts/support', name)).href;

async function onRedis(
  type: 'bullmq' | 'streams',
  { database, isDurable, say }: Ground,
  openRaw: (url: string) => Promise<Contender>,
): Promise<Target> {
  const { startRedis } = (await import(script('redis-server.mjs'))) as typeof RedisScript;
  const folder = join(database.folder, type);
  await mkdir(folder);
  const starting = startRedis({ folder, isDurable, say });
  const stop = onInterrupt(async () => (await starting).stop());
  const { url } = await starting;
  const redis = redisSettings(new Reader({ REDIS_URL: url }));
  return both(settings(type, { redis }), () => openRaw(url), stop);
}

async function onKafka({ database, say }: Ground): Promise<Target> {
  const { startKafka, endKafka } = (await import(script('kafka-cluster.mjs'))) as typeof KafkaScript;
  const folder = join(database.folder, 'kafka');
  await mkdir(folder);
  await chmod(folder, 0o755);
  const stop = onInterrupt(() => endKafka(folder));
  const { bootstrap } = await startKafka({ folder, say });
  const variables = { KAFKA_BOOTSTRAP_SERVERS: bootstrap, KAFKA_PARTITIONS: String(PARTITIONS) };
  const kafka = kafkaSettings(new Reader(variables));
  return both(settings('kafka', { kafka }), () => openRawKafka(bootstrap), stop);
}
