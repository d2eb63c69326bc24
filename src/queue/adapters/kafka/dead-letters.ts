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

/** Copies of each type that are kept in memory, the newest; some 5 MB. */
const MOST_KEPT = 10_000;

/**
 * The copies of what failed for good: a compacted topic per type, keyed by job, where a record without a value takes
 * one away. A process that asks reads them once and then what is new. It lists and counts the newest of each type;
 * those before them are in the topic alone.
 */
export class KafkaDeadLetters implements DeadLetters {
  private readonly jobs: Readonly<Record<JobType, Map<string, DeadJob>>> = {
    'booking.admit': new Map(),
    'booking.fulfil': new Map(),
  };
  /** Types of which there were more than are kept. */
  private readonly cut = new Set<JobType>();

  constructor(
    private readonly name: string,
    private readonly tail: Pick<Tail, 'caughtUp'>,
    private readonly send: (records: readonly Outgoing[]) => Promise<void>,
    private readonly mostKept = MOST_KEPT,
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

  /** Where there were more than are kept, a copy that is not among them counts as there. */
  async remove(jobId: string): Promise<boolean> {
    await this.tail.caughtUp();
    const types = JOB_TYPES.filter((type) => this.jobs[type].has(jobId) || this.cut.has(type));
    for (const type of types) await this.write(type, jobId, null);
    if (types.length > 0) await this.tail.caughtUp();
    return types.length > 0;
  }

  /** As of what was read; never more than are kept. */
  count(type: JobType): number {
    return this.jobs[type].size;
  }

  read(topic: string, jobId: string, value: string | null): void {
    for (const type of JOB_TYPES) {
      if (topic !== typeTopics(this.name, type).dead) continue;
      this.jobs[type].delete(jobId);
      const dead = value === null ? null : parseDeadJob(type, fromJson(value));
      if (dead !== null) this.keep(type, jobId, dead);
    }
  }

  forget(): void {
    for (const type of JOB_TYPES) this.jobs[type].clear();
    this.cut.clear();
  }

  /** In the order of their deaths: the first is the oldest. */
  private keep(type: JobType, jobId: string, dead: DeadJob): void {
    const kept = this.jobs[type];
    kept.set(jobId, dead);
    if (kept.size <= this.mostKept) return;
    const [oldest] = kept.keys();
    if (oldest !== undefined) kept.delete(oldest);
    this.cut.add(type);
  }

  private async write(type: JobType, jobId: string, value: string | null): Promise<void> {
    // always the same partition, however many an operator has made: its order says which record of a job is the last
    const message = { key: jobId, value, partition: 0 };
    await this.send([{ topic: typeTopics(this.name, type).dead, message }]);
  }
}
