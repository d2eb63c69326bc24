import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { openKafka } from '../../src/queue/adapters/kafka/open.js';
import { stickyAssigner } from '../../src/queue/adapters/kafka/sticky-assigner.js';
import { endsOf } from '../../src/queue/adapters/kafka/topics.js';
import type { JobQueue } from '../../src/queue/job-queue.js';
import { toMessage } from '../../src/queue/message.js';
import { leaveGroup } from '../support/kafka-leave-group.js';
import { kafkaAt } from '../support/kafka-at.js';
import { describeWithKafka } from '../support/kafka.js';
import { type Bench, type Child, fulfil, fulfils, Log, until } from '../conformance/bench.js';
import { benchAt } from '../conformance/kafka-bench.js';

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

  it('brings workers back to work that are killed one after the other, and loses nothing', async () => {
    const { queue, name } = await bench.open();
    const plan = { workMs: 20, concurrency: 8, attempts: 50 };
    const all: Child[] = [];
    const start = async (): Promise<Child> => {
      const child = await bench.child(name, plan);
      all.push(child);
      return child;
    };
    const seats = [start(), start(), start()];
    await Promise.all(seats);
    for (let turn = 0; turn < 6; turn += 1) {
      await queue.publish([...Array(40).keys()].map((i) => fulfil(`turn-${turn}-${i}`)));
      const victim = await seats[turn % 3];
      await victim?.kill('SIGKILL');
      seats[turn % 3] = start();
      await sleep(1000);
    }
    const last = await Promise.all(seats);
    await queue.publish(fulfils(300));
    const done = (): number =>
      new Set(
        all.flatMap(({ events }) => events.flatMap(({ event, jobId }) => (event === 'done' ? [jobId] : []))),
      ).size;
    await until('all jobs are done', () => done() === 540, 60_000);
    for (const child of last) expect(child.has('started')).toBe(true);
    expect(all.filter((child) => child.has('dead'))).toEqual([]);
  });

  it('starts while its group does not settle, tells of it in readiness, and has its place later', async () => {
    const { queue, name } = await bench.open();
    await queue.publish([fulfil('waits')]);
    // a member that is busy for long, and keeps everybody waiting
    let release: () => void = () => undefined;
    const busy = new Promise<void>((resolve) => (release = resolve));
    const blocker = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING }).consumer({
      groupId: `${name}-fulfil`,
      sessionTimeout: 60_000,
      rebalanceTimeout: 60_000,
      partitionAssigners: [stickyAssigner(() => ({}))],
    });
    let isBusy = false;
    await blocker.connect();
    await blocker.subscribe({ topic: `${name}-fulfil`, fromBeginning: true });
    await blocker.run({
      autoCommit: false,
      eachBatch: () => {
        isBusy = true;
        return busy;
      },
    });
    await until('the other is busy', () => isBusy);
    const log = new Log();
    try {
      await bench.consume(queue, log.handle);
      await expect(queue.ping()).rejects.toMatchObject({ code: 'BROKER_GROUP_UNSETTLED' });
      expect(log.ids).toEqual([]);
    } finally {
      release();
      await blocker.disconnect();
    }
    await log.reaches(1);
    await queue.ping();
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
