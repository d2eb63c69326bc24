import { setTimeout as sleep } from 'node:timers/promises';
import { type DeliveryOutcome, PastDeadline } from '../../delivery.js';
import { type ConsumeOptions, type JobType, PermanentFailure, type ReceivedJob } from '../../job-queue.js';
import { backoff, failureCode } from '../../retry.js';
import type { Report } from './client.js';
import type { Entry } from './partition-work.js';
import type { Envelope } from './record.js';

const RESEND_MS = 500;

export interface OutcomesParts<T extends JobType> {
  readonly options: ConsumeOptions;
  /** Publishes a job to be delivered after `waitMs`. */
  readonly again: (envelope: Envelope<T>, waitMs: number) => Promise<void>;
  readonly copyDead: (job: ReceivedJob<T>, reason: string) => Promise<void>;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Its work is done, or goes on elsewhere. */
  readonly onFinish: (entry: Entry<T>) => void;
  /** It is handed to whoever has the partition next. */
  readonly onHandBack: (entry: Entry<T>) => void;
  /** Whether what is left is handed back. */
  readonly isHandingBack: () => boolean;
  readonly report: Report;
}

/** What becomes of a job when its delivery has ended. */
export class Outcomes<T extends JobType> {
  constructor(private readonly parts: OutcomesParts<T>) {}

  /** Nothing more is to come of it here. */
  finish(entry: Entry<T>): void {
    this.parts.onFinish(entry);
  }

  /** Resolves when the broker holds what is to come of it. */
  async settle(entry: Entry<T>, job: ReceivedJob<T>, outcome: DeliveryOutcome): Promise<void> {
    if (outcome.kind === 'done') {
      this.finish(entry);
      return;
    }
    if (outcome.kind === 'failed') return this.fail(entry, job, outcome.error);
    switch (outcome.code) {
      case 'SHUTDOWN':
        this.parts.onHandBack(entry);
        return;
      case 'LOCK_LOST':
        // it is somebody else's now: touch nothing
        return;
      case 'DEADLINE_EXCEEDED':
        return this.fail(entry, job, new PastDeadline());
      default:
        return outcome.code satisfies never;
    }
  }

  /** Where the dead letter cannot be recorded, the job is tried again. */
  async bury(entry: Entry<T>, job: ReceivedJob<T>, reason: string): Promise<void> {
    const { options, copyDead, report } = this.parts;
    try {
      await options.onDead(job, reason);
      await copyDead(job, reason);
    } catch (error) {
      report(`dead letter of ${job.jobId} not recorded`, error);
      return this.tryAgain(entry, job);
    }
    this.finish(entry);
  }

  private async fail(entry: Entry<T>, job: ReceivedJob<T>, error: unknown): Promise<void> {
    const isLast = job.attempt >= this.parts.options.retry.attempts;
    if (error instanceof PermanentFailure || isLast) return this.bury(entry, job, failureCode(error));
    await this.tryAgain(entry, job);
  }

  /** The next try is on the broker before this one is done: for as long as that takes, the job stays in hand. */
  private async tryAgain(entry: Entry<T>, job: ReceivedJob<T>): Promise<void> {
    const { again, options, random, onHandBack, isHandingBack, report } = this.parts;
    const envelope = { ...entry.envelope, failures: entry.envelope.failures + 1, crashes: crashesOf(entry) };
    for (;;) {
      try {
        await again(envelope, backoff(options.retry, job.attempt, random()));
        this.finish(entry);
        return;
      } catch (error) {
        report(`next try of ${job.jobId} not published yet`, error);
      }
      if (entry.work.lost) return;
      if (isHandingBack()) {
        onHandBack(entry);
        return;
      }
      await sleep(RESEND_MS, undefined, { ref: false });
    }
  }
}

/** Consumers that the job has crashed, wherever it was. */
export const crashesOf = ({ envelope, crashes }: Entry): number => envelope.crashes + crashes;
