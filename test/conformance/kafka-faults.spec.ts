import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import type { KafkaCluster } from '../../scripts/support/kafka-cluster.mjs';
import type { JobQueue } from '../../src/queue/job-queue.js';
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
});
