import { setTimeout as sleep } from 'node:timers/promises';
import type { JobType } from '../../job-queue.js';
import type { Membership } from './membership.js';
import type { PartitionWork } from './partition-work.js';

/** Jobs in hand of one partition: past the first bound reading waits, and goes on below the second. */
const [MOST_IN_HAND, FEWER_IN_HAND] = [4000, 2000];
/** So long the reading of all waits for a full partition; then that one is left out. */
const FULL_WAIT_MS = 150;

/** How far partitions are read ahead: a busy one neither keeps the others from being read nor fills the memory. */
export class ReadAhead<T extends JobType> {
  private readonly full = new Set<PartitionWork<T>>();

  constructor(private readonly membership: Pick<Membership, 'pause' | 'resume'>) {}

  /** To be awaited before more is read. */
  async bound(work: PartitionWork<T>): Promise<void> {
    if (work.size < MOST_IN_HAND) return;
    for (let waited = 0; waited < FULL_WAIT_MS && work.size >= FEWER_IN_HAND; waited += 10) await sleep(10);
    if (work.size < MOST_IN_HAND || work.lost) return;
    this.full.add(work);
    this.membership.pause(work.topic, work.partition);
  }

  /** A job of the partition is done. */
  done(work: PartitionWork<T>): void {
    if (work.size < FEWER_IN_HAND && this.full.delete(work)) {
      this.membership.resume(work.topic, work.partition);
    }
  }

  resumeAll(): void {
    for (const { topic, partition } of this.full) this.membership.resume(topic, partition);
    this.full.clear();
  }

  /** Nothing is ours any more. */
  forget(): void {
    this.full.clear();
  }
}
