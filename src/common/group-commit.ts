import { AppError } from './errors.js';

export interface GroupCommitOptions<Item, Result> {
  /** Commits a batch as one; answers in the order of its items. */
  readonly commit: (batch: readonly Item[]) => Promise<readonly Result[]>;
  /** Two items with a key in common never share a batch. */
  readonly keys: (item: Item) => readonly string[];
  /** True for an error that one item of a batch caused: the batch is then halved until that one fails alone. */
  readonly blamesItem: (error: unknown) => boolean;
  readonly maxBatch: number;
  /** Items that may wait; more are refused with `OVERLOADED`. */
  readonly maxPending: number;
  /** An item that waited longer for its commit to begin is refused with `OVERLOADED`. */
  readonly maxWaitMs: number;
  /** Monotonic, in ms. */
  readonly now?: () => number;
}

interface Pending<Item, Result> {
  readonly item: Item;
  readonly keys: readonly string[];
  readonly since: number;
  /** True once nobody waits for the answer: dropped if its commit has not begun. */
  readonly isGone: () => boolean;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

const RETRY_AFTER_SECONDS = 1;

/**
 * Gathers what arrives while a commit is under way into the next one: no timer, no wait when idle, one commit at a
 * time, the order of arrival kept.
 */
export class GroupCommit<Item, Result> {
  private pending: Pending<Item, Result>[] = [];
  private running = false;
  private idle: (() => void)[] = [];
  private readonly now: () => number;

  constructor(private readonly options: GroupCommitOptions<Item, Result>) {
    this.now = options.now ?? (() => performance.now());
  }

  /** Items that wait for their commit to begin. */
  get size(): number {
    return this.pending.length;
  }

  /**
   * Resolves after the commit that holds the item. One whose caller has gone before that begins is dropped.
   * @throws AppError OVERLOADED; whatever the commit throws
   */
  submit(item: Item, isGone: () => boolean): Promise<Result> {
    if (this.pending.length >= this.options.maxPending) {
      return Promise.reject(
        new AppError('OVERLOADED', undefined, { retryAfterSeconds: RETRY_AFTER_SECONDS }),
      );
    }
    return new Promise<Result>((resolve, reject) => {
      this.pending.push({ item, keys: this.options.keys(item), since: this.now(), isGone, resolve, reject });
      if (this.running) return;
      this.running = true;
      // What arrives in this turn of the event loop goes into the first batch too.
      setImmediate(() => void this.run());
    });
  }

  /** Resolves once nothing is pending or under way. */
  drain(): Promise<void> {
    return this.running ? new Promise((resolve) => this.idle.push(resolve)) : Promise.resolve();
  }

  private async run(): Promise<void> {
    for (let batch = this.take(); batch.length > 0; batch = this.take()) await this.commit(batch);
    this.running = false;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private take(): Pending<Item, Result>[] {
    const batch: Pending<Item, Result>[] = [];
    const later: Pending<Item, Result>[] = [];
    const taken = new Set<string>();
    const oldest = this.now() - this.options.maxWaitMs;
    let index = 0;
    for (; index < this.pending.length && batch.length < this.options.maxBatch; index++) {
      const entry = this.pending[index] as Pending<Item, Result>;
      if (entry.isGone()) {
        entry.reject(new AppError('OVERLOADED', 'The client went away before its request was accepted'));
      } else if (entry.since < oldest) {
        entry.reject(new AppError('OVERLOADED', undefined, { retryAfterSeconds: RETRY_AFTER_SECONDS }));
      } else if (entry.keys.some((key) => taken.has(key))) {
        later.push(entry);
        // Whatever shares a key with it must not overtake it.
        for (const key of entry.keys) taken.add(key);
      } else {
        for (const key of entry.keys) taken.add(key);
        batch.push(entry);
      }
    }
    this.pending = later.length === 0 ? this.pending.slice(index) : later.concat(this.pending.slice(index));
    return batch;
  }

  private async commit(batch: readonly Pending<Item, Result>[]): Promise<void> {
    try {
      const results = await this.options.commit(batch.map((entry) => entry.item));
      batch.forEach((entry, index) => entry.resolve(results[index] as Result));
    } catch (error) {
      if (batch.length > 1 && this.options.blamesItem(error)) {
        const half = batch.length >> 1;
        await this.commit(batch.slice(0, half));
        await this.commit(batch.slice(half));
      } else {
        for (const entry of batch) entry.reject(error);
      }
    }
  }
}
