import {
  type DeadJob,
  type DeadLetters,
  JOB_TYPES,
  type JobType,
  type ReceivedJob,
} from '../../job-queue.js';
import { parseDeadJob } from '../../message.js';
import type { Outgoing } from './publisher.js';
import { fromJson } from './record.js';
import type { Tail } from './tail.js';
import { typeTopics } from './topics.js';

/**
 * The copies of what failed for good: a compacted topic per type, keyed by job, where a record without a value takes
 * one away. A process that asks reads them once and then what is new.
 */
export class KafkaDeadLetters implements DeadLetters {
  private readonly jobs: Readonly<Record<JobType, Map<string, DeadJob>>> = {
    'booking.admit': new Map(),
    'booking.fulfil': new Map(),
  };

  constructor(
    private readonly name: string,
    private readonly tail: Pick<Tail, 'caughtUp'>,
    private readonly send: (records: readonly Outgoing[]) => Promise<void>,
  ) {}

  /** A later death of the same id replaces the copy of the earlier one. */
  async copy(job: ReceivedJob, reason: string): Promise<void> {
    const { attempt, ...message } = job;
    const dead: DeadJob = { ...message, reason, attempts: attempt, failedAt: new Date().toISOString() };
    await this.write(job.type, job.jobId, JSON.stringify(dead));
  }

  async list(limit: number): Promise<DeadJob[]> {
    if (limit < 1) return [];
    await this.tail.caughtUp();
    return JOB_TYPES.flatMap((type) => [...this.jobs[type].values()])
      .sort((a, b) => (a.failedAt < b.failedAt ? 1 : -1))
      .slice(0, limit);
  }

  async remove(jobId: string): Promise<boolean> {
    await this.tail.caughtUp();
    const types = JOB_TYPES.filter((type) => this.jobs[type].has(jobId));
    for (const type of types) await this.write(type, jobId, null);
    if (types.length > 0) await this.tail.caughtUp();
    return types.length > 0;
  }

  /** As of what was read. */
  count(type: JobType): number {
    return this.jobs[type].size;
  }

  read(topic: string, jobId: string, value: string | null): void {
    for (const type of JOB_TYPES) {
      if (topic !== typeTopics(this.name, type).dead) continue;
      this.jobs[type].delete(jobId);
      const dead = value === null ? null : parseDeadJob(type, fromJson(value));
      if (dead !== null) this.jobs[type].set(jobId, dead);
    }
  }

  forget(): void {
    for (const type of JOB_TYPES) this.jobs[type].clear();
  }

  private async write(type: JobType, jobId: string, value: string | null): Promise<void> {
    // always the same partition, however many an operator has made: its order says which record of a job is the last
    const message = { key: jobId, value, partition: 0 };
    await this.send([{ topic: typeTopics(this.name, type).dead, message }]);
  }
}
