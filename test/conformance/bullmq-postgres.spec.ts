import { createPostgresBackend, Queue } from 'bullmq';
import { createTestDatabase } from '../support/database.js';
import { BULLMQ } from './bullmq.js';
import { describeJobQueue } from './describe-job-queue.js';
import { startOwnPostgres } from './own-postgres.js';
import type { RunningBroker } from './target.js';

const broker = (databaseUrl: string, stop: () => Promise<void>): RunningBroker => ({
  settings: { type: 'bullmq', redisUrl: null, databaseUrl },
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
  startOwn: async () => {
    const { url, halt, resume, stop } = await startOwnPostgres();
    return { ...broker(url, stop), halt, resume };
  },
});
