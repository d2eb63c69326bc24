import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import {
  type ConsumeOptions,
  type Consumption,
  type FulfilData,
  type JobContext,
  JobQueue,
  type NewJob,
  type ReceivedJob,
} from '../../src/queue/job-queue.js';
import { QueueModule, type QueueSettings } from '../../src/queue/queue.module.js';
import type { RunningBroker } from './target.js';

export type FulfilJob = ReceivedJob<'booking.fulfil'>;

/** Waits until it is so; fails with `what` after 20 s. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await sleep(10);
  }
}

export const fulfil = (
  jobId: string,
  more: Partial<NewJob<'booking.fulfil'>> = {},
): NewJob<'booking.fulfil'> => ({
  jobId,
  type: 'booking.fulfil',
  data: { bookingId: `booking of ${jobId}`, fence: 1, correlationId: 'test' } satisfies FulfilData,
  ...more,
});

export const fulfils = (count: number): NewJob<'booking.fulfil'>[] =>
  Array.from({ length: count }, (_, i) => fulfil(`job-${i}`));

export const options = (more: Partial<ConsumeOptions> = {}): ConsumeOptions => ({
  concurrency: 8,
  retry: { attempts: 3, backoffMs: 50, maxBackoffMs: 1000 },
  deadlineMs: 30_000,
  onDead: () => Promise.resolve(),
  ...more,
});

export interface Delivered {
  readonly job: FulfilJob;
  readonly at: number;
}

/** A handler that writes down what it was given. */
export class Log {
  readonly deliveries: Delivered[] = [];

  readonly handle = (job: FulfilJob): Promise<void> => {
    this.deliveries.push({ job, at: Date.now() });
    return Promise.resolve();
  };

  /** Writes down, then does this. */
  then(work: (job: FulfilJob, context: JobContext) => Promise<void>) {
    return async (job: FulfilJob, context: JobContext): Promise<void> => {
      await this.handle(job);
      await work(job, context);
    };
  }

  get ids(): string[] {
    return this.deliveries.map(({ job }) => job.jobId);
  }

  async reaches(count: number): Promise<void> {
    await until(`${count} deliveries`, () => this.deliveries.length >= count);
  }
}

/** What a consumer process says. */
export interface ChildEvent {
  readonly event: 'ready' | 'started' | 'done' | 'aborted' | 'dead';
  readonly jobId?: string;
  readonly attempt?: number;
  readonly reason?: string;
}

export interface ChildPlan {
  /** Ms that the handler works, or the first job alone where `onlyFirst`. */
  readonly workMs: number;
  readonly concurrency: number;
  readonly attempts: number;
}

/** A consumer in a process of its own. */
export class Child {
  readonly events: ChildEvent[] = [];

  constructor(readonly process: ChildProcess) {
    if (process.stdout === null) throw new Error('The child has no output');
    createInterface({ input: process.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.events.push(JSON.parse(line) as ChildEvent);
    });
  }

  has(event: ChildEvent['event'], jobId?: string): boolean {
    return this.events.some((e) => e.event === event && (jobId === undefined || e.jobId === jobId));
  }

  async says(event: ChildEvent['event'], jobId?: string): Promise<ChildEvent> {
    await until(`the child says ${event}`, () => this.has(event, jobId) || this.process.exitCode !== null);
    const found = this.events.find((e) => e.event === event && (jobId === undefined || e.jobId === jobId));
    if (found === undefined) throw new Error(`The child ended without saying ${event}`);
    return found;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill(signal);
    await ended;
  }
}

/** What one test opens, and closes whatever happens. */
export class Bench {
  private readonly closers: (() => Promise<unknown>)[] = [];
  readonly run = `t${randomBytes(4).toString('hex')}`;
  private opened = 0;

  constructor(readonly broker: RunningBroker) {}

  newName(): string {
    this.opened += 1;
    return `${this.run}-${this.opened}`;
  }

  /** The real module in a real application; a name of its own unless given. */
  async open(name = this.newName()): Promise<{ queue: JobQueue; name: string }> {
    const settings: QueueSettings = { ...this.broker.settings, name };
    const module = QueueModule.forRootAsync({ inject: [], useFactory: () => settings });
    const app = await NestFactory.createApplicationContext(module, { logger: ['error'] });
    this.closers.push(() => app.close());
    return { queue: app.get(JobQueue), name };
  }

  async consume(
    queue: JobQueue,
    handle: (job: FulfilJob, context: JobContext) => Promise<void>,
    more: Partial<ConsumeOptions> = {},
  ): Promise<Consumption> {
    const consumption = await queue.consume('booking.fulfil', handle, options(more));
    this.closers.push(() => consumption.stop(0));
    return consumption;
  }

  async child(name: string, plan: ChildPlan): Promise<Child> {
    const settings = JSON.stringify({ ...this.broker.settings, name });
    const dist = resolve(process.env['FAIRLINE_DIST'] ?? 'dist');
    const args = [resolve('test/conformance/child.mjs'), dist, settings, JSON.stringify(plan)];
    const child = new Child(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
    this.closers.push(() => child.kill('SIGKILL'));
    await child.says('ready');
    return child;
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }
}
