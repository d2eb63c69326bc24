import { Kafka, logLevel } from 'kafkajs';
import type { QueueCapabilities } from '../../src/queue/job-queue.js';
import { describeWithKafka } from '../support/kafka.js';
import { kafkaAt } from '../support/kafka-at.js';
import { describeJobQueue } from './describe-job-queue.js';
import { startOwnKafka } from './own-kafka.js';
import type { RunningBroker } from './target.js';

const KAFKA: QueueCapabilities = {
  orderByKey: true,
  priorities: true,
  delay: true,
  rateLimit: 'process',
  progress: false,
  globalPause: true,
};

const broker = (bootstrap: string, stop: () => Promise<unknown>): RunningBroker => ({
  settings: {
    ...{ type: 'kafka', redis: null, kafka: kafkaAt(bootstrap) },
    databaseUrl: 'postgres://127.0.0.1:1/not-used',
  },
  progressOf: () => Promise.resolve(null),
  stop: async () => void (await stop()),
});

/** The Kafka is shared with others: only topics of queues that this suite named go. */
async function removeTopics(bootstrap: string): Promise<void> {
  const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const mine = (await admin.listTopics()).filter((topic) => /^t[0-9a-f]{8}-/.test(topic));
  if (mine.length > 0) await admin.deleteTopics({ topics: mine });
  await admin.disconnect();
}

describeWithKafka('With Kafka', (bootstrap) => {
  describeJobQueue('Kafka', {
    capabilities: KAFKA,
    start: () => Promise.resolve(broker(bootstrap, () => removeTopics(bootstrap))),
    // a deleted topic takes its partitions along: what was running of them is aborted with LOCK_LOST, unlike on others
    wipe: {
      elsewhere: 'test/long/kafka-faults.spec.ts: makes deleted topics anew and goes on consuming by itself',
    },
    startOwn: async () => {
      const { bootstrap: own, halt, resume, stop } = await startOwnKafka();
      return {
        ...broker(own, stop),
        halt: async () => void (await halt()),
        resume: async () => void (await resume()),
      };
    },
  });
});
