import { createPostgresBackend, createRedisBackend, type Job, type JobsOptions, Queue, Worker } from 'bullmq';
import { toMessage } from '../../src/queue/message.js';
import { CONCURRENCY, type Contender, type FulfilJob, type OnJob } from './contender.js';

const QUEUE = 'raw-fulfil';
/** As a user of BullMQ would give them to have what a booking needs: priorities, retries, nothing left behind. */
const OPTIONS: JobsOptions = {
  priority: 1,
  attempts: 8,
  backoff: { type: 'exponential', delay: 500 },
  removeOnComplete: true,
  removeOnFail: true,
};

/** `bullmq` alone, `Queue.addBulk` and one `Worker`, on either of its backends. */
export function openRawBullmq(url: string): Promise<Contender> {
  return url.startsWith('redis:') ? onRedis(url) : onPostgres(url);
}

const bulk = (jobs: readonly FulfilJob[]) => {
  const now = new Date();
  return jobs.map((job) => ({
    name: job.type,
    data: toMessage(job, now),
    opts: { ...OPTIONS, jobId: job.jobId },
  }));
};

const process =
  (onJob: OnJob) =>
  async ({ data }: Job<{ readonly jobId: string }>): Promise<void> =>
    onJob(data.jobId);

const STATES = ['waiting', 'prioritized', 'active', 'delayed'] as const;

async function onRedis(url: string): Promise<Contender> {
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const queue = new Queue(QUEUE, { connection }, createRedisBackend);
  await queue.waitUntilReady();
  return {
    publish: async (jobs) => void (await queue.addBulk(bulk(jobs))),
    consume: async (onJob) => {
      const options = { connection, concurrency: CONCURRENCY };
      const worker = new Worker(QUEUE, process(onJob), options, createRedisBackend);
      await worker.waitUntilReady();
      return { stop: () => worker.close() };
    },
    left: () => queue.getJobCountByTypes(...STATES),
    close: () => queue.close(),
  };
}

/** The tables have been made by our adapter, which was opened before. */
async function onPostgres(url: string): Promise<Contender> {
  const queue = new Queue(
    QUEUE,
    { connection: { connectionString: url, schema: 'bullmq', max: 4 } },
    createPostgresBackend,
  );
  await queue.waitUntilReady();
  return {
    publish: async (jobs) => void (await queue.addBulk(bulk(jobs))),
    consume: async (onJob) => {
      const options = {
        connection: { connectionString: url, schema: 'bullmq', max: 3 },
        concurrency: CONCURRENCY,
      };
      const worker = new Worker(QUEUE, process(onJob), options, createPostgresBackend);
      await worker.waitUntilReady();
      return { stop: () => worker.close() };
    },
    left: () => queue.getJobCountByTypes(...STATES),
    close: () => queue.close(),
  };
}
