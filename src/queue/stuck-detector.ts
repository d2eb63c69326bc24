import type { ConsumerActivity, JobType, QueueCounts } from './job-queue.js';

/**
 * Tells a stuck consumer from an idle one. An idle one has nothing waiting; a stuck one has had something waiting
 * for `patienceMs` and has started nothing in all that time. Ask it again and again, as a readiness probe does:
 * one look alone cannot tell a backlog from a job that came this instant.
 */
export class StuckDetector {
  private readonly owedSince = new Map<JobType, number>();

  constructor(private readonly patienceMs: number) {}

  /** The types whose consumers in this process are stuck. */
  check(counts: QueueCounts, activity: readonly ConsumerActivity[], now: number): JobType[] {
    return activity
      .filter((consumer) => this.isStuck(counts, consumer, now))
      .map((consumer) => consumer.type);
  }

  private isStuck(counts: QueueCounts, consumer: ConsumerActivity, now: number): boolean {
    const { type, running, concurrency, deadlineMs, oldestRunningSince, lastDeliveryAt } = consumer;
    if (oldestRunningSince !== null && now - Date.parse(oldestRunningSince) > deadlineMs + this.patienceMs)
      return true;
    if (counts.paused || counts.types[type].waiting === 0 || running >= concurrency) {
      this.owedSince.delete(type);
      return false;
    }
    const lastDelivery = lastDeliveryAt === null ? 0 : Date.parse(lastDeliveryAt);
    const since = Math.max(this.owedSince.get(type) ?? now, lastDelivery);
    this.owedSince.set(type, since);
    return now - since >= this.patienceMs;
  }
}
