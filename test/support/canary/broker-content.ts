import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';

/** Reads everything that a broker holds, as text. */
export type ReadBroker = () => Promise<readonly string[]>;

type Query = (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** BullMQ's tables. */
export const bullTables =
  (query: Query): ReadBroker =>
  async () => {
    const tables = await query(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema = 'bullmq' and table_type = 'BASE TABLE'`,
    );
    const rows = await Promise.all(
      tables.map(({ name }) => query(`select '${String(name)} ' || t::text as row from ${String(name)} t`)),
    );
    return rows.flat().map(({ row }) => String(row));
  };

/** Every key of whatever type, and for streams their groups and consumers too. */
export const redisKeys =
  (url: string): ReadBroker =>
  async () => {
    const redis = new Redis(url);
    try {
      const content: string[] = [];
      const keys = redis.scanStream({ count: 500 }) as AsyncIterable<string[]>;
      for await (const batch of keys)
        for (const key of batch) content.push(`${key} ${JSON.stringify(await valueOf(redis, key))}`);
      return content;
    } finally {
      await redis.quit();
    }
  };

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case 'string':
      return redis.get(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'set':
      return redis.smembers(key);
    case 'zset':
      return redis.zrange(key, '0', '-1', 'WITHSCORES');
    case 'hash':
      return redis.hgetall(key);
    case 'stream':
      return [await redis.xrange(key, '-', '+'), await redis.xinfo('STREAM', key, 'FULL')];
    case 'none':
      return null;
    default:
      throw new Error(`${key} is a ${type}, which nobody here can read`);
  }
}

/** Every message of every topic with its key and headers; that of the offsets has what commits note beside them. */
export const kafkaTopics =
  (bootstrap: string): ReadBroker =>
  async () => {
    const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    const consumer = kafka.consumer({ groupId: `canary-${randomUUID()}` });
    await Promise.all([admin.connect(), consumer.connect()]);
    try {
      const topics = await admin.listTopics();
      const left = new Map<string, number>();
      for (const topic of topics)
        for (const { partition, low, high } of await admin.fetchTopicOffsets(topic))
          if (Number(high) > Number(low)) left.set(`${topic} ${partition}`, Number(high));
      await consumer.subscribe({ topics, fromBeginning: true });
      const content: string[] = [];
      await new Promise<void>((done, fail) => {
        const patience = setTimeout(
          () => fail(new Error(`not read to its end: ${[...left.keys()].join(', ')}`)),
          60_000,
        );
        consumer
          .run({
            autoCommit: false,
            eachMessage: ({ topic, partition, message: { key, value, headers, offset } }) => {
              const told = JSON.stringify(headers, (_, item: unknown) =>
                Buffer.isBuffer(item) ? item.toString('latin1') : item,
              );
              content.push(`${topic} ${String(key)} ${value?.toString('latin1') ?? ''} ${told}`);
              const place = `${topic} ${partition}`;
              if (Number(offset) + 1 >= (left.get(place) ?? 0)) left.delete(place);
              if (left.size === 0) {
                clearTimeout(patience);
                done();
              }
              return Promise.resolve();
            },
          })
          .catch(fail);
      });
      return content;
    } finally {
      await consumer.disconnect();
      await admin.disconnect();
    }
  };
