import { setTimeout as sleep } from 'node:timers/promises';
import { createPostgresBackend, Queue } from 'bullmq';
import { Client } from 'pg';
import { sqlState } from '../../src/database/database.js';
import type { JobQueue, TypeCounts } from '../../src/queue/job-queue.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { Bench, fulfil, fulfils, Log, until } from './bench.js';
import { BULLMQ } from './bullmq.js';
import { describeJobQueue } from './describe-job-queue.js';
import { startOwnPostgres } from './own-postgres.js';
import { StableAddress } from './stable-address.js';
import type { RunningBroker } from './target.js';

const broker = (databaseUrl: string, stop: () => Promise<void>): RunningBroker => ({
  settings: { type: 'bullmq', redis: null, kafka: null, databaseUrl },
  progressOf: async (queueName, jobId) => {
    const connection = { connectionString: databaseUrl, max: 1 };
    const queue = new Queue(`${queueName}-fulfil`, { connection }, createPostgresBackend);
    try {
      const progress: unknown = (await queue.getJob(`job-${jobId}`))?.progress;
      return typeof progress === 'number' ? progress : null;
    } finally {
      await queue.close();
    }
  },
  stop,
});

describeJobQueue('BullMQ, PostgreSQL', {
  capabilities: BULLMQ,
  start: async () => {
    const database = await createTestDatabase();
    return broker(database.url, () => database.drop());
  },
  wipe: ({ settings }) => emptyTables(settings.databaseUrl),
  startOwn: async () => {
    const { url, halt, resume, stop } = await startOwnPostgres();
    return { ...broker(url, stop), halt, resume };
  },
});

describe('BullMQ on PostgreSQL', () => {
  let database: TestDatabase;
  let bench: Bench;
  beforeEach(async () => {
    database = await createTestDatabase();
    bench = new Bench(broker(database.url, () => Promise.resolve()));
  });
  afterEach(async () => {
    await bench.close();
    await database.drop();
  });

  it('makes its schema once, however many processes start on an empty database at once', async () => {
    const opened = await Promise.all(Array.from({ length: 6 }, () => bench.open()));
    await Promise.all(opened.map(({ queue }) => queue.ping()));
  });

  it('loses no job and stays awake when all its connections are cut under load', async () => {
    const { queue } = await bench.open();
    await queue.publish(fulfils(300));
    const log = new Log();
    await bench.consume(
      queue,
      log.then(() => sleep(5)),
      { retry: { attempts: 10, backoffMs: 20, maxBackoffMs: 100 } },
    );
    for (let cut = 1; cut <= 3; cut += 1) {
      await log.reaches(cut * 50);
      await cutConnections(database.url);
    }
    await until('each job was delivered', () => new Set(log.ids).size === 300);
    await until('nothing is left', async () => {
      const { waiting, active, delayed } = await countsSoon(queue);
      return waiting + active + delayed === 0;
    });
    expect((await queue.counts()).types['booking.fulfil'].dead).toBe(0);
  });

  it('waits between its tries while connections are cut off, and then goes on', async () => {
    const address = new StableAddress();
    await address.open(new URL(database.url));
    const behind = new Bench(broker(address.of(database.url), () => Promise.resolve()));
    try {
      const { queue } = await behind.open();
      const log = new Log();
      await behind.consume(queue, log.handle);
      address.cutting = true;
      address.cut();
      await sleep(500);
      const before = address.dialled;
      await sleep(2000);
      expect(address.dialled - before).toBeLessThan(60);
      address.cutting = false;
      await until('the queue takes a job', () =>
        queue.publish([fulfil('after')]).then(
          () => true,
          () => false,
        ),
      );
      await log.reaches(1);
    } finally {
      await behind.close();
      await address.close();
    }
  });
});

const DEADLOCK = '40P01';

/** Every row of BullMQ's goes, as after a restore of Fairline's own schema alone. */
async function emptyTables(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ names: string | null }>(
    `SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') AS names
       FROM pg_tables WHERE schemaname = 'bullmq' AND tablename NOT LIKE '%migration%'`,
  );
  await until('the tables are emptied, whatever the workers at them lock', () =>
    client.query(`TRUNCATE ${rows[0]?.names ?? ''}`).then(
      () => true,
      (error: unknown) => {
        if (sqlState(error) !== DEADLOCK) throw error;
        return false;
      },
    ),
  );
  await client.end();
}

/** As a failover does: every connection to the database ends. */
async function cutConnections(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await client.end();
}

async function countsSoon(queue: JobQueue): Promise<TypeCounts> {
  const counts = await queue.counts().catch(() => null);
  return counts?.types['booking.fulfil'] ?? { waiting: 1, active: 0, delayed: 0, dead: 0 };
}
