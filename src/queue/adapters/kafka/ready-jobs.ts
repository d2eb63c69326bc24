import type { JobPriority, JobType } from '../../job-queue.js';
import type { Entry } from './partition-work.js';
import { PRIORITIES } from './topics.js';

const MOST_TIMER_MS = 2 ** 31 - 1;

/** Jobs that may start, the most urgent first, each priority in the order in which they became ready. */
export class ReadyJobs<T extends JobType> {
  private readonly lists: Readonly<Record<JobPriority, Fifo<Entry<T>>>> = {
    high: new Fifo(),
    normal: new Fifo(),
    low: new Fifo(),
  };

  get size(): number {
    return PRIORITIES.reduce((sum, priority) => sum + this.lists[priority].size, 0);
  }

  /** @param onDue told when a job that had to wait may start */
  constructor(private readonly onDue: () => void) {}

  /** Now, or when its time has come. */
  add(entry: Entry<T>): void {
    const wait = entry.envelope.notBefore === 0 ? 0 : entry.envelope.notBefore - Date.now();
    if (wait <= 0) {
      this.lists[entry.envelope.priority].push(entry);
      return;
    }
    entry.timer = setTimeout(() => this.comesDue(entry), Math.min(wait, MOST_TIMER_MS)).unref();
  }

  /** Those of partitions that were taken away are forgotten on the way. */
  peek(): Entry<T> | null {
    for (const priority of PRIORITIES) {
      const list = this.lists[priority];
      for (let entry = list.peek(); entry !== undefined; entry = list.peek()) {
        if (!entry.work.lost) return entry;
        list.shift();
      }
    }
    return null;
  }

  shift(): Entry<T> | null {
    const entry = this.peek();
    if (entry !== null) this.lists[entry.envelope.priority].shift();
    return entry;
  }

  private comesDue(entry: Entry<T>): void {
    entry.timer = null;
    if (entry.work.lost) return;
    this.add(entry);
    this.onDue();
  }

  /** The next ones, without taking them. */
  first(count: number): Entry<T>[] {
    const found: Entry<T>[] = [];
    for (const priority of PRIORITIES) {
      for (const entry of this.lists[priority]) {
        if (found.length >= count) return found;
        if (!entry.work.lost) found.push(entry);
      }
    }
    return found;
  }
}

/** An array is slow to take from at its front. */
class Fifo<E> {
  private items: E[] = [];
  private from = 0;

  get size(): number {
    return this.items.length - this.from;
  }

  push(item: E): void {
    this.items.push(item);
  }

  peek(): E | undefined {
    return this.items[this.from];
  }

  shift(): void {
    this.from += 1;
    if (this.from < 1024 || this.from * 2 < this.items.length) {
      if (this.from === this.items.length) this.clear();
      return;
    }
    this.items = this.items.slice(this.from);
    this.from = 0;
  }

  *[Symbol.iterator](): Iterator<E> {
    for (let i = this.from; i < this.items.length; i += 1) {
      const item = this.items[i];
      if (item !== undefined) yield item;
    }
  }

  private clear(): void {
    this.items = [];
    this.from = 0;
  }
}
