import type { Entry, PartitionWork } from './partition-work.js';
import type { JobType } from '../../job-queue.js';
import type { Report } from './client.js';

/** What is done is committed this soon, in ms. */
export const COMMIT_MS = 15;
const RETRY_MS = 250;
/** While many wait, so many jobs may start after a commit before the broker is told of each. */
const AHEAD = 2048;

export interface CommitsParts<T extends JobType> {
  readonly held: Iterable<PartitionWork<T>>;
  /** Commits these partitions, told of as running: `noting`. */
  readonly commit: (works: readonly PartitionWork<T>[], noting: ReadonlySet<Entry<T>>) => Promise<void>;
  /** The jobs that may start now and of which the broker was not told. */
  readonly next: () => readonly Entry<T>[];
  /** Whether more wait than can run, or have so many started since the broker was told last. */
  readonly isBusy: (started: number) => boolean;
  /** The broker was told: jobs may start. */
  readonly onTold: () => void;
  readonly report: Report;
}

/**
 * When the broker is told what is done and what runs. One commit at a time; a job may start once the broker was told
 * that it runs, and a number of them ahead of that while many wait.
 */
export class Commits<T extends JobType> {
  private allowance = 0;
  /** Since the broker was told last. */
  private started = 0;
  private isCommitting = false;
  private isClosed = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly parts: CommitsParts<T>) {}

  /** Whether the job may start now. If not, the broker is asked at once. */
  mayStart(entry: Entry<T>): boolean {
    if (entry.noted) {
      this.started += 1;
      return true;
    }
    if (this.allowance === 0 || entry.work.isCareful(entry)) {
      this.soon(0);
      return false;
    }
    this.allowance -= 1;
    this.started += 1;
    // the next is asked for while there is still some left
    if (this.allowance === AHEAD / 2) this.soon(0);
    return true;
  }

  /** Commits after so many ms at most, if there is any news then. */
  soon(ms: number): void {
    if (this.isClosed) return;
    if (ms > 0) {
      if (!this.isCommitting) this.timer ??= setTimeout(() => void this.commit(), ms);
      return;
    }
    this.clear();
    if (!this.isCommitting) void this.commit();
  }

  /** Partitions were lost: what the broker was told of them counts no more. */
  lost(): void {
    this.allowance = 0;
  }

  /** No commit begins any more. */
  close(): void {
    this.isClosed = true;
    this.clear();
  }

  private clear(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private async commit(): Promise<void> {
    this.timer = null;
    const { held, next, isBusy, onTold, report } = this.parts;
    const noting = new Set(next());
    const works = new Set([...held].filter(({ dirty }) => dirty));
    for (const { work } of noting) works.add(work);
    if (works.size === 0) return;
    this.isCommitting = true;
    try {
      await this.parts.commit([...works], noting);
    } catch (error) {
      this.isCommitting = false;
      report('commit', error);
      this.soon(RETRY_MS);
      return;
    }
    this.isCommitting = false;
    for (const entry of noting) entry.work.told(entry);
    this.allowance = isBusy(this.started) ? AHEAD : 0;
    this.started = 0;
    onTold();
    if ([...held].some(({ dirty }) => dirty)) this.soon(COMMIT_MS);
  }
}
