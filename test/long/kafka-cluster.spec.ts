import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import type { KafkaCluster } from '../../scripts/support/kafka-cluster.mjs';
import { BrokerError } from '../../src/queue/broker-error.js';
import type { JobQueue } from '../../src/queue/job-queue.js';
import { type Bench, fulfil, fulfils, Log, until } from '../conformance/bench.js';
import { benchAt } from '../conformance/kafka-bench.js';
import { startOwnKafka } from '../conformance/own-kafka.js';

jest.setTimeout(180_000);

/** As a caller does that tries again. */
async function publishSoon(queue: JobQueue, jobId: string): Promise<void> {
  await until(`the queue takes ${jobId}`, () =>
    queue.publish([fulfil(jobId)]).then(
      () => true,
      () => false,
    ),
  );
}

describe('Kafka with three brokers', () => {
  let cluster: KafkaCluster;
  let bench: Bench;
  beforeAll(async () => {
    cluster = await startOwnKafka({ brokers: 3 });
    bench = benchAt(cluster.bootstrap, { KAFKA_REPLICATION: '3' });
  });
  afterAll(async () => {
    await bench.close();
    await cluster.stop();
  });

  it('goes on publishing and consuming, and loses nothing, when one of them is killed', async () => {
    const { queue } = await bench.open();
    const log = new Log();
    await bench.consume(queue, log.handle, { retry: { attempts: 5, backoffMs: 50, maxBackoffMs: 200 } });
    await queue.publish(fulfils(100));
    await cluster.kill([1]);
    for (let i = 0; i < 20; i += 1) await publishSoon(queue, `during-${i}`);
    await until('all are delivered', () => new Set(log.ids).size === 120, 60_000);
    await cluster.resume([1]);
    await publishSoon(queue, 'after');
    await until('what is new is delivered', () => log.ids.includes('after'), 60_000);
  });

  it('uses partitions that an operator adds within half a minute', async () => {
    const admin = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { queue, name } = await bench.open();
    const log = new Log();
    await bench.consume(queue, log.handle);
    const topic = `${name}-fulfil`;
    await admin.createPartitions({ topicPartitions: [{ topic, count: 8 }] });
    const isUsed = async (): Promise<boolean> => {
      await queue.publish([...Array(20).keys()].map((i) => fulfil(`job-${log.ids.length}-${i}`)));
      await sleep(1000);
      const [group] = await admin.fetchOffsets({ groupId: topic, topics: [topic] });
      return (group?.partitions ?? []).some(({ partition, offset }) => partition >= 4 && Number(offset) > 0);
    };
    await until('jobs of new partitions are done', isUsed, 90_000);
    await admin.disconnect();
  });

  it('tells in readiness that too few replicas are in sync, until they are again', async () => {
    const { queue, name } = await bench.open();
    await demandReplicas(cluster.bootstrap, `${name}-fulfil`, 3);
    await publishSoon(queue, 'before');
    await queue.ping();
    await cluster.kill([1]);
    const refusal = { code: 'BROKER_FAILED', detail: 'NOT_ENOUGH_REPLICAS' };
    const told = async (): Promise<unknown> => {
      await queue.publish([fulfil('refused')]).catch(() => undefined);
      return queue.ping().then(
        () => null,
        (error: unknown) => error,
      );
    };
    await until('it is told', async () => isLike(await told(), refusal), 60_000);
    await cluster.resume([1]);
    await publishSoon(queue, 'after');
    await queue.ping();
  });
});

async function demandReplicas(bootstrap: string, topic: string, count: number): Promise<void> {
  const admin = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const configEntries = [{ name: 'min.insync.replicas', value: String(count) }];
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }];
  await admin.alterConfigs({ validateOnly: false, resources });
  await admin.disconnect();
}

const isLike = (error: unknown, { code, detail }: { code: string; detail: string }): boolean =>
  error instanceof BrokerError && error.code === code && error.detail === detail;
