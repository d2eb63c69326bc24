import { type Consumer, Kafka, logLevel, Partitioners } from 'kafkajs';
import { toMessage } from '../../src/queue/message.js';
import { CONCURRENCY, type Contender, type FulfilJob, jobIdOf, type OnJob, PARTITIONS } from './contender.js';

const [TOPIC, GROUP] = ['raw-fulfil', 'raw'];

/**
 * kafkajs alone: batches with `acks: -1`, `eachBatch` with a commit after each batch, a slice of `CONCURRENCY` at
 * once. At least once; no retry, delay, priority or dead letter, and no account of who crashed with what in hand.
 */
export async function openRawKafka(bootstrap: string): Promise<Contender> {
  const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS }], waitForLeaders: true });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return {
    publish: async (jobs) => void (await producer.send({ topic: TOPIC, acks: -1, messages: records(jobs) })),
    consume: (onJob) => consume(kafka.consumer({ groupId: GROUP }), onJob),
    left: async () => {
      const [ends, committed] = await Promise.all([
        admin.fetchTopicOffsets(TOPIC),
        admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] }),
      ]);
      const done = new Map(
        committed[0]?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]),
      );
      return ends.reduce((sum, { partition, high }) => sum + Number(high) - (done.get(partition) ?? 0), 0);
    },
    close: async () => {
      await Promise.all([producer.disconnect(), admin.disconnect()]);
    },
  };
}

function records(jobs: readonly FulfilJob[]) {
  const now = new Date();
  return jobs.map((job) => ({ key: job.data.bookingId, value: JSON.stringify(toMessage(job, now)) }));
}

async function consume(consumer: Consumer, onJob: OnJob) {
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  await consumer.run({
    eachBatch: async (payload) => {
      const { messages } = payload.batch;
      for (let from = 0; from < messages.length; from += CONCURRENCY) {
        const slice = messages.slice(from, from + CONCURRENCY);
        await Promise.all(slice.map(({ value }) => onJob(jobIdOf(value?.toString('utf8') ?? ''))));
        const last = slice.at(-1);
        if (last !== undefined) payload.resolveOffset(last.offset);
        await payload.heartbeat();
      }
    },
  });
  await joined;
  return { stop: () => consumer.disconnect() };
}
