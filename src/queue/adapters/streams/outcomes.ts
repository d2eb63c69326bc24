import { type DeliveryOutcome, PastDeadline } from '../../delivery.js';
import {
  type ConsumeOptions,
  type DeadJob,
  type JobType,
  PermanentFailure,
  type ReceivedJob,
} from '../../job-queue.js';
import { backoff, failureCode } from '../../retry.js';
import type { Connection, Report } from './connection.js';
import type { Entry } from './entry.js';
import { GROUP, streamAt, type TypeKeys } from './keys.js';
import { BURY, HAND_BACK, RETRY } from './scripts.js';

interface OutcomesParts {
  readonly keys: TypeKeys;
  readonly consumer: string;
  readonly redis: Connection;
  readonly options: ConsumeOptions;
  readonly report: Report;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** What becomes of a job that is not done. What Redis could not be told of stays pending and is delivered again. */
export class Outcomes<T extends JobType> {
  constructor(private readonly parts: OutcomesParts) {}

  /** @throws Error while Redis is away */
  async settle(entry: Entry, job: ReceivedJob<T>, outcome: DeliveryOutcome): Promise<void> {
    if (outcome.kind === 'done') return;
    if (outcome.kind === 'failed') return this.fail(entry, job, outcome.error);
    switch (outcome.code) {
      case 'SHUTDOWN':
        return this.handBack([entry]);
      case 'LOCK_LOST':
        // it is somebody else's now: touch nothing
        return;
      case 'DEADLINE_EXCEEDED':
        return this.fail(entry, job, new PastDeadline());
      default:
        return outcome.code satisfies never;
    }
  }

  /** Where the dead letter cannot be recorded, the job stays and is delivered again. @throws Error while Redis is away */
  async bury(entry: Entry, job: ReceivedJob<T>, reason: string): Promise<void> {
    const { redis, keys, consumer, options } = this.parts;
    try {
      await options.onDead(job, reason);
    } catch (error) {
      this.parts.report(`dead letter of ${job.jobId} not recorded`, error);
      return this.retry(entry, job.attempt);
    }
    const { attempt, ...message } = job;
    const copy: DeadJob = { ...message, reason, attempts: attempt, failedAt: new Date().toISOString() };
    await redis.run(
      BURY,
      [streamAt(keys, entry.position), keys.dead, keys.deadIds],
      [GROUP, consumer, entry.id, job.jobId, JSON.stringify(copy)],
    );
  }

  /** As if they had never been delivered. @throws Error while Redis is away */
  async handBack(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const { redis, keys, consumer } = this.parts;
    const pairs = entries.flatMap(({ position, id }) => [position, id]);
    await redis.run(HAND_BACK, keys.streams, [GROUP, consumer, ...pairs]);
  }

  private async fail(entry: Entry, job: ReceivedJob<T>, error: unknown): Promise<void> {
    const isLast = job.attempt >= this.parts.options.retry.attempts;
    if (error instanceof PermanentFailure || isLast) return this.bury(entry, job, failureCode(error));
    await this.retry(entry, job.attempt);
  }

  private async retry(entry: Entry, attempt: number): Promise<void> {
    const { redis, keys, consumer, options, random } = this.parts;
    await redis.run(
      RETRY,
      [streamAt(keys, entry.position), keys.delayed, keys.wake],
      [GROUP, consumer, entry.id, entry.position, backoff(options.retry, attempt, random())],
    );
  }
}
