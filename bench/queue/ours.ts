import { NestFactory } from '@nestjs/core';
import { JobQueue } from '../../src/queue/job-queue.js';
import { QueueModule, type QueueSettings } from '../../src/queue/queue.module.js';
import { CONCURRENCY, type Contender } from './contender.js';

const DRAIN_MS = 20_000;

/** The queue as the application opens it, with the options of its workers. */
export async function openOurs(settings: QueueSettings): Promise<Contender> {
  const app = await NestFactory.createApplicationContext(
    QueueModule.forRootAsync({ inject: [], useFactory: () => settings }),
    { logger: ['error', 'warn'], abortOnError: false },
  );
  const queue = app.get(JobQueue);
  return {
    publish: (jobs) => queue.publish(jobs),
    consume: async (onJob) => {
      const consumption = await queue.consume('booking.fulfil', ({ jobId }) => onJob(jobId), {
        concurrency: CONCURRENCY,
        retry: { attempts: 8, backoffMs: 500, maxBackoffMs: 60_000 },
        deadlineMs: 60_000,
        onDead: (_job, reason) => Promise.reject(new Error(`A job of the benchmark died: ${reason}`)),
      });
      return { stop: () => consumption.stop(DRAIN_MS) };
    },
    left: async () => {
      const { waiting, active, delayed } = (await queue.counts()).types['booking.fulfil'];
      return waiting + active + delayed;
    },
    close: () => app.close(),
  };
}
