import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import type { KafkaCluster } from '../../scripts/support/kafka-cluster.mjs';
import { BrokerError } from '../../src/queue/broker-error.js';
import { openKafka } from '../../src/queue/adapters/kafka/open.js';
import { endsOf } from '../../src/queue/adapters/kafka/topics.js';
import type { JobQueue } from '../../src/queue/job-queue.js';
import { toMessage } from '../../src/queue/message.js';
import { leaveGroup } from '../support/kafka-leave-group.js';
import { kafkaAt } from '../support/kafka-at.js';
import { describeWithKafka } from '../support/kafka.js';
import { Bench, fulfil, fulfils, Log, until } from './bench.js';
import { startOwnKafka } from './own-kafka.js';

jest.setTimeout(180_000);

const benchAt = (bootstrap: string, more: Readonly<Record<string, string>> = {}): Bench =>
  new Bench({
    settings: {
      ...{ type: 'kafka', redis: null, kafka: kafkaAt(bootstrap, more) },
      databaseUrl: 'postgres://127.0.0.1:1/not-used',
    },
    progressOf: () => Promise.resolve(null),
    stop: () => Promise.resolve(),
  });

/** As a caller does that tries again. */
async function publishSoon(queue: JobQueue, jobId: string): Promise<void> {
  await until(`the queue takes ${jobId}`, () =>
    queue.publish([fulfil(jobId)]).then(
      () => true,
      () => false,
    ),
  );
}

describeWithKafka('Kafka, when things go wrong', (bootstrap) => {
  let bench: Bench;
  let admin: Admin;
  beforeEach(async () => {
    bench = benchAt(bootstrap);
    admin = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
  });
  afterEach(async () => {
    await bench.close();
    const mine = (await admin.listTopics()).filter((topic) => topic.startsWith(bench.run));
    if (mine.length > 0) await admin.deleteTopics({ topics: mine });
    await admin.disconnect();
  });

  it('makes deleted topics anew and goes on consuming by itself', async () => {
    const { queue, name } = await bench.open();
    const log = new Log();
    await bench.consume(queue, log.handle);
    await queue.publish(fulfils(20));
    await log.reaches(20);
    await admin.deleteTopics({
      topics: (await admin.listTopics()).filter((topic) => topic.startsWith(name)),
    });
    await publishSoon(queue, 'after');
    await until('what is new is delivered', () => log.ids.includes('after'), 60_000);
    await until('all topics are there again', async () => {
      const topics = await admin.listTopics();
      return topics.filter((topic) => topic.startsWith(name)).length === 15;
    });
  });

  it('interrupts no job whose partition stays where it is when consumers come and go', async () => {
    const { queue, name } = await bench.open();
    const log = new Log();
    const aborted: string[] = [];
    await bench.consume(
      queue,
      log.then(async (job, { signal }) => {
        await sleep(6000, undefined, { signal }).catch(() => aborted.push(job.jobId));
      }),
      { concurrency: 100 },
    );
    await queue.publish(fulfils(40));
    await log.reaches(40);
    const other = await bench.open(name);
    const elsewhere = new Log();
    const second = await bench.consume(other.queue, elsewhere.handle);
    await second.stop(1000);
    await until('all is done', async () => {
      const { waiting, active } = (await queue.counts()).types['booking.fulfil'];
      return waiting + active === 0;
    });
    // half of the partitions went over, with their jobs; that was nobody's failure
    expect(aborted.length).toBeLessThan(40);
    const attempts = [...log.deliveries, ...elsewhere.deliveries].map(({ job }) => job.attempt);
    expect(Math.max(...attempts)).toBe(1);
    expect((await queue.counts()).types['booking.fulfil'].dead).toBe(0);
  });

  it('delivers what it holds since a time once more', async () => {
    const { queue } = await bench.open();
    if (!('replay' in queue) || typeof queue.replay !== 'function') throw new Error('not on Kafka');
    const log = new Log();
    await bench.consume(queue, log.handle);
    await queue.publish([fulfil('old')]);
    await log.reaches(1);
    await sleep(50);
    const since = new Date();
    await sleep(50);
    await queue.publish([fulfil('new'), fulfil('newer', { priority: 'high' })]);
    await log.reaches(3);
    expect(await queue.replay('booking.fulfil', { since })).toBe(2);
    await log.reaches(5);
    expect(log.ids.slice(3).sort()).toEqual(['new', 'newer']);
    expect(await queue.replay('booking.fulfil', { since: new Date(Date.now() + 1000) })).toBe(0);
  });

  it('goes on with a full partition after its consumer was thrown out of the group', async () => {
    const ofOne = benchAt(bootstrap, { KAFKA_PARTITIONS: '1' });
    try {
      const { queue, name } = await ofOne.open(bench.newName());
      const log = new Log();
      await queue.pause();
      await ofOne.consume(queue, log.handle, { concurrency: 100 });
      await queue.publish(fulfils(9000));
      // the partition is read ahead up to its bound, and then no further
      await sleep(2000);
      const members = async (): Promise<string[]> =>
        ((await admin.describeGroups([`${name}-fulfil`])).groups[0]?.members ?? []).map(
          ({ memberId }) => memberId,
        );
      const [before = ''] = await members();
      await leaveGroup(bootstrap, `${name}-fulfil`, before);
      await until('it has a place again', async () => {
        const [now] = await members();
        return now !== undefined && now !== before;
      });
      await queue.resume();
      await until('all are delivered', () => new Set(log.ids).size === 9000, 60_000);
    } finally {
      await ofOne.close();
    }
  });

  it('knows dead letters and the pause where their topics have more partitions than one', async () => {
    const name = bench.newName();
    const topics = [`${name}-fulfil-dead`, `${name}-control`];
    await admin.createTopics({
      topics: topics.map((topic) => ({ topic, numPartitions: 3 })),
      waitForLeaders: false,
    });
    await Promise.all(topics.map((topic) => endsOf(admin, topic)));
    // whatever partition a record is in, it is there
    const failedAt = new Date().toISOString();
    const deadIds = [0, 1, 2].map((partition) => `dead-in-${partition}`);
    const producer = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({
      topic: `${name}-fulfil-dead`,
      messages: deadIds.map((jobId, partition) => {
        const dead = { ...toMessage(fulfil(jobId), new Date()), reason: 'GONE', attempts: 1, failedAt };
        return { key: jobId, value: JSON.stringify(dead), partition };
      }),
    });
    await producer.disconnect();
    const { queue } = await bench.open(name);
    const listed = async (): Promise<string[]> =>
      (await queue.deadLetters.list(10)).map(({ jobId }) => jobId).sort();
    expect(await listed()).toEqual(deadIds);
    await queue.pause();
    const { queue: another } = await bench.open(name);
    expect((await another.counts()).paused).toBe(true);
    await queue.resume();
    expect((await another.counts()).paused).toBe(false);
    const log = new Log();
    await bench.consume(
      queue,
      log.then(() => Promise.reject(new Error('always'))),
      {
        retry: { attempts: 1, backoffMs: 50, maxBackoffMs: 50 },
      },
    );
    await queue.publish([fulfil('dead-now')]);
    await until('the dead letter is listed', async () => (await listed()).length === 4);
    for (const jobId of await listed()) expect(await another.deadLetters.remove(jobId)).toBe(true);
    expect(await listed()).toEqual([]);
  });

  it('uses partitions that an operator adds within half a minute', async () => {
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
  });

  it('names KAFKA_REPLICATION where it is more than there are brokers', async () => {
    const settings = kafkaAt(bootstrap, { KAFKA_REPLICATION: '3' });
    await expect(openKafka(bench.newName(), settings, () => undefined)).rejects.toMatchObject({
      code: 'BROKER_TOPIC_MISSING',
      message: expect.stringContaining('KAFKA_REPLICATION'),
    });
  });

  it('delivers what one partition holds since an offset once more, and refuses a place that is not there', async () => {
    const { queue, name } = await bench.open();
    if (!('replay' in queue) || typeof queue.replay !== 'function') throw new Error('not on Kafka');
    const topic = `${name}-fulfil`;
    const log = new Log();
    await bench.consume(queue, log.handle);
    // of one booking, so in one partition
    const data = { bookingId: 'one', fence: 1, correlationId: 'test' };
    for (const jobId of ['first', 'second', 'third']) await queue.publish([fulfil(jobId, { data })]);
    await log.reaches(3);
    const ends = await admin.fetchTopicOffsets(topic);
    const partition = ends.find(({ high }) => high === '3')?.partition;
    expect(await queue.replay('booking.fulfil', { topic, partition, offset: 1 })).toBe(2);
    await log.reaches(5);
    expect(log.ids.slice(3)).toEqual(['second', 'third']);
    const wrong = { topic: `${name}-admit`, partition, offset: 0 };
    await expect(queue.replay('booking.fulfil', wrong)).rejects.toThrow();
    const beyond = { topic, partition: 4096, offset: 0 };
    await expect(queue.replay('booking.fulfil', beyond)).rejects.toThrow();
  });
});

describeWithKafka('Kafka with three brokers', () => {
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
