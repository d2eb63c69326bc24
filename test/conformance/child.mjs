// A consumer of `booking.fulfil` in a process of its own. Arguments: the folder of the build, and as JSON the
// settings of the queue module and the plan. Says what it does as JSON lines. Stops in order on SIGTERM.
import 'reflect-metadata';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { NestFactory } from '@nestjs/core';

const [dist, ...json] = process.argv.slice(2);
const built = (name) => import(pathToFileURL(join(dist, 'src/queue', name)).href);
const { QueueModule } = await built('queue.module.js');
const { JobQueue } = await built('job-queue.js');

const [settings, plan] = json.map((text) => JSON.parse(text));
const say = (event, more = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);

const module = QueueModule.forRootAsync({ inject: [], useFactory: () => settings });
const app = await NestFactory.createApplicationContext(module, { logger: ['error'] });

const consumption = await app.get(JobQueue).consume(
  'booking.fulfil',
  async ({ jobId, attempt }, { signal }) => {
    say('started', { jobId, attempt });
    try {
      await sleep(plan.workMs, undefined, { signal });
    } catch (error) {
      say('aborted', { jobId, attempt, reason: signal.reason?.code });
      throw error;
    }
    say('done', { jobId, attempt });
  },
  {
    concurrency: plan.concurrency,
    retry: { attempts: plan.attempts, backoffMs: 50, maxBackoffMs: 1000 },
    deadlineMs: 60_000,
    onDead: async ({ jobId, attempt }, reason) => say('dead', { jobId, attempt, reason }),
  },
);
say('ready');

process.once('SIGTERM', async () => {
  await consumption.stop(5000);
  await app.close();
  process.exit(0);
});
