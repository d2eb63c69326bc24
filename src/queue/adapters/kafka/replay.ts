import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import type { JobType } from '../../job-queue.js';
import { type Envelope, fromRecord } from './record.js';
import { endsOf, type TypeTopics, workTopics } from './topics.js';

/** Where a replay begins: at a time, or at an offset of one partition of one topic of work. */
export type ReplayFrom =
  { readonly since: Date } | { readonly topic: string; readonly partition: number; readonly offset: number };

const QUIET_MS = 30_000;

interface Range {
  readonly topic: string;
  readonly partition: number;
  next: number;
  readonly end: number;
}

/**
 * Reads what the topics of work still hold from there to their present ends, and hands each job on once for each time
 * that it was published. Consumers go on meanwhile, their offsets are not touched.
 * @returns how many jobs were handed on
 * @throws Error when nothing comes for half a minute
 */
export async function replay<T extends JobType>(
  { kafka, admin, type, topics }: { kafka: Kafka; admin: Admin; type: T; topics: TypeTopics },
  from: ReplayFrom,
  publish: (envelopes: readonly Envelope<T>[]) => Promise<void>,
): Promise<number> {
  const ranges = (await rangesOf(admin, topics, from)).filter(({ next, end }) => next < end);
  if (ranges.length === 0) return 0;
  const consumer = kafka.consumer({
    groupId: `${topics.group}-replay-${randomUUID()}`,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
  });
  let [count, heardAt] = [0, Date.now()];
  const failures: Error[] = [];
  const take = async (range: Range, messages: readonly KafkaMessage[]): Promise<void> => {
    const wanted = messages.filter(
      ({ offset }) => Number(offset) >= range.next && Number(offset) < range.end,
    );
    const envelopes = wanted.flatMap((message) => fromRecord(type, message) ?? []);
    await publish(envelopes.map((envelope) => ({ ...envelope, failures: 0, crashes: 0, notBefore: 0 })));
    count += envelopes.length;
    range.next = Math.max(range.next, Number(messages.at(-1)?.offset ?? -1) + 1);
    heardAt = Date.now();
  };
  try {
    await consumer.connect();
    await consumer.subscribe({
      topics: [...new Set(ranges.map(({ topic }) => topic))],
      fromBeginning: false,
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => void failures.push(payload.error));
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages } }) => {
        const range = ranges.find((each) => each.topic === topic && each.partition === partition);
        if (range !== undefined) await take(range, messages);
      },
    });
    for (const { topic, partition, next } of ranges)
      consumer.seek({ topic, partition, offset: String(next) });
    while (ranges.some(({ next, end }) => next < end)) {
      if (failures[0] !== undefined) throw failures[0];
      if (Date.now() - heardAt > QUIET_MS) throw new Error('The topics are not read to their ends');
      await sleep(20);
    }
    return count;
  } finally {
    await consumer.disconnect();
  }
}

async function rangesOf(admin: Admin, topics: TypeTopics, from: ReplayFrom): Promise<Range[]> {
  const names = workTopics(topics);
  if (!('since' in from)) {
    if (!names.includes(from.topic)) throw new RangeError(`Not a topic of work: ${from.topic}`);
    const ends = await endsOf(admin, from.topic);
    const mine = ends.find(({ partition }) => partition === from.partition);
    if (mine === undefined) throw new RangeError(`${from.topic} has no partition ${from.partition}`);
    return [{ ...from, next: Math.max(from.offset, mine.low), end: mine.high }];
  }
  const lists = await Promise.all(
    names.map(async (topic) => {
      const [ends, starts] = await Promise.all([
        endsOf(admin, topic),
        admin.fetchTopicOffsetsByTimestamp(topic, from.since.getTime()),
      ]);
      return ends.map(({ partition, low, high }) => {
        const start = Number(starts.find((each) => each.partition === partition)?.offset ?? high);
        return { topic, partition, next: Math.max(start, low), end: high };
      });
    }),
  );
  return lists.flat();
}
