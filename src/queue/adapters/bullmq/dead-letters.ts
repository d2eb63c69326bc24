import {
  type DeadJob,
  type DeadLetters,
  JOB_TYPES,
  type JobType,
  type ReceivedJob,
} from '../../job-queue.js';
import { parseDeadJob } from '../../message.js';
import { bullJobId, type BullQueue } from './bull-queues.js';

const KEPT_MS = 30 * 24 * 3600 * 1000;
const TRIM_EVERY_MS = 60_000;

/**
 * The copies of what failed for good, one queue per type that nobody consumes. A copy is made by the consumer as
 * part of its delivery, never from BullMQ's events: those can come without the job's data.
 */
export class BullmqDeadLetters implements DeadLetters {
  private trimmedAt = 0;

  constructor(private readonly queues: Readonly<Record<JobType, BullQueue>>) {}

  /** A later death of the same id replaces the copy of the earlier one. */
  async copy(job: ReceivedJob, reason: string): Promise<void> {
    const { attempt, ...message } = job;
    const dead: DeadJob = { ...message, reason, attempts: attempt, failedAt: new Date().toISOString() };
    const queue = this.queues[job.type];
    await queue.remove(bullJobId(job.jobId));
    await queue.add(job.type, dead, { jobId: bullJobId(job.jobId) });
    await this.trim(queue);
  }

  async list(limit: number): Promise<DeadJob[]> {
    if (limit < 1) return [];
    const lists = await Promise.all(JOB_TYPES.map((type) => this.listType(type, limit)));
    return lists
      .flat()
      .sort((a, b) => (a.failedAt < b.failedAt ? 1 : -1))
      .slice(0, limit);
  }

  async remove(jobId: string): Promise<boolean> {
    const removed = await Promise.all(JOB_TYPES.map((type) => this.removeFrom(this.queues[type], jobId)));
    return removed.some(Boolean);
  }

  async count(type: JobType): Promise<number> {
    return (await this.queues[type].getJobCounts('waiting'))['waiting'] ?? 0;
  }

  /** BullMQ on Redis says that it has removed a job also where there was none. */
  private async removeFrom(queue: BullQueue, jobId: string): Promise<boolean> {
    const job = await queue.getJob(bullJobId(jobId));
    return job !== undefined && (await queue.remove(bullJobId(jobId))) > 0;
  }

  private async listType(type: JobType, limit: number): Promise<DeadJob[]> {
    const jobs = await this.queues[type].getJobs(['waiting'], 0, limit - 1, false);
    return jobs.flatMap((job) => parseDeadJob(type, job.data) ?? []);
  }

  private async trim(queue: BullQueue): Promise<void> {
    if (Date.now() - this.trimmedAt < TRIM_EVERY_MS) return;
    this.trimmedAt = Date.now();
    await queue.clean(KEPT_MS, 1000, 'wait');
  }
}
