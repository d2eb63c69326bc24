import { AppError } from './errors.js';
import { TransientMap } from './transient-map.js';

export interface GroupCommitOptions<Item, Result> {
  /**
   * Commits a batch as one; answers in the order of its items. Called again before it has answered, it commits what it
   * is given behind what it was given before, where it can.
   */
  readonly commit: (batch: readonly Item[]) => Promise<readonly Result[]>;
  /** Whose item it is: two of one key never share a batch. */
  readonly key: (item: Item) => string;
  /** True for an error that one item of a batch caused: the batch is then halved until that one fails alone. */
  readonly blamesItem: (error: unknown) => boolean;
  readonly maxBatch: number;
  /** Items that may wait; more are refused with `OVERLOADED`. */
  readonly maxPending: number;
  /** Items with one key that may wait; more are refused with `OVERLOADED`, however few wait in all. */
  readonly maxPerKey: number;
  /** An item that waited longer for its commit to begin is refused with `OVERLOADED`. */
  readonly maxWaitMs: number;
  /** Monotonic, in ms. */
  readonly now?: () => number;
}

interface Pending<Item, Result> {
  readonly item: Item;
  readonly key: string;
  readonly since: number;
  /** True once nobody waits for the answer: dropped if its commit has not begun. */
  readonly isGone: () => boolean;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** So many in line are worth a commit of their own while one is under way; fewer are better served by the next. */
const WORTH_A_SECOND = 128;
const RETRY_AFTER_SECONDS = 1;
const overloaded = (detail?: string): AppError =>
  new AppError('OVERLOADED', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });

type Queue<Item, Result> = Pending<Item, Result> | Pending<Item, Result>[];
const lengthOf = (queue: Queue<unknown, never>): number => (Array.isArray(queue) ? queue.length : 1);

/**
 * Gathers what arrives while a commit is under way into the next one: no timer, no wait when idle. In a crowd a second
 * commit begins before the first has ended, so that whoever commits need not wait for this process, which reads what the
 * first came to only when it gets round to it.
 *
 * Items enter in the order of their arrival; of those with one key the first is in line, and the next gets in line, at its
 * end, once that one is taken: whoever sends many delays nobody else. A batch that has to be halved, or tried again, comes
 * behind one that was sent meanwhile.
 */
export class GroupCommit<Item, Result> {
  /** Those who may enter the next batch, from `first` on, each of another key. */
  private line: Pending<Item, Result>[] = [];
  private first = 0;
  /** By key, who waits: the one alone, as it nearly always is, or the one in line before those behind it. */
  private readonly queues = new TransientMap<string, Queue<Item, Result>>();
  private waiting = 0;
  /** Commits under way, or about to begin: two at most. */
  private underWay = 0;
  private idle: (() => void)[] = [];
  private readonly now: () => number;

  constructor(private readonly options: GroupCommitOptions<Item, Result>) {
    this.now = options.now ?? (() => performance.now());
  }

  /** Items that wait for their commit to begin. */
  get size(): number {
    return this.waiting;
  }

  /**
   * Resolves after the commit that holds the item. One whose caller has gone before that begins is dropped.
   * @throws AppError OVERLOADED; whatever the commit throws
   */
  submit(item: Item, isGone: () => boolean): Promise<Result> {
    if (this.waiting >= this.options.maxPending) return Promise.reject(overloaded());
    const key = this.options.key(item);
    const queue = this.queues.get(key);
    if (queue !== undefined && lengthOf(queue) >= this.options.maxPerKey) {
      return Promise.reject(overloaded('Too many requests of this customer wait already'));
    }
    return new Promise<Result>((resolve, reject) => {
      this.enter({ item, key, since: this.now(), isGone, resolve, reject }, queue);
      if (!this.mayBegin(this.underWay)) return;
      this.underWay++;
      // What arrives in this turn of the event loop goes into the batch too.
      setImmediate(() => void this.run());
    });
  }

  /** Resolves once nothing is pending or under way. */
  drain(): Promise<void> {
    return this.underWay > 0 ? new Promise((resolve) => this.idle.push(resolve)) : Promise.resolve();
  }

  /** The next commit begins before the answers of the last are told: whoever commits is idle while they are written. */
  private async run(): Promise<void> {
    for (let commit = this.next(); commit !== null;) {
      const tell = await commit;
      commit = this.next();
      tell();
    }
    this.underWay--;
    if (this.underWay > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private mayBegin(besides: number): boolean {
    return besides === 0 || (besides === 1 && this.line.length - this.first >= WORTH_A_SECOND);
  }

  /** @param queue of its key */
  private enter(entry: Pending<Item, Result>, queue: Queue<Item, Result> | undefined): void {
    this.waiting++;
    if (queue === undefined) {
      this.queues.set(entry.key, entry);
      this.line.push(entry);
    } else if (Array.isArray(queue)) {
      queue.push(entry);
    } else {
      this.queues.set(entry.key, [queue, entry]);
    }
  }

  /** Takes an entry of the line out of its queue; whoever comes first there now gets in line. */
  private leave({ key }: Pending<Item, Result>): void {
    this.waiting--;
    const queue = this.queues.get(key);
    if (Array.isArray(queue) && queue.length > 1) {
      queue.shift();
      this.line.push(queue[0] as Pending<Item, Result>);
    } else {
      this.queues.delete(key);
    }
  }

  private take(): Pending<Item, Result>[] {
    const batch: Pending<Item, Result>[] = [];
    const oldest = this.now() - this.options.maxWaitMs;
    for (; this.first < this.line.length && batch.length < this.options.maxBatch; this.first++) {
      const entry = this.line[this.first] as Pending<Item, Result>;
      if (entry.isGone()) {
        this.leave(entry);
        entry.reject(new AppError('OVERLOADED', 'The client went away before its request was accepted'));
      } else if (entry.since < oldest) {
        this.leave(entry);
        entry.reject(overloaded());
      } else {
        batch.push(entry);
      }
    }
    this.forgetTaken();
    if (batch.length === this.waiting) {
      // As nearly always: nobody is left behind.
      this.queues.clear();
      this.waiting = 0;
    } else {
      // Only now: who has the key of one of the batch comes into the next.
      for (const entry of batch) this.leave(entry);
    }
    return batch;
  }

  private forgetTaken(): void {
    if (this.first === this.line.length) this.line = [];
    else if (this.first > this.line.length / 2) this.line = this.line.slice(this.first);
    else return;
    this.first = 0;
  }

  /** Null where too few are in line. */
  private next(): Promise<() => void> | null {
    if (!this.mayBegin(this.underWay - 1)) return null;
    const batch = this.take();
    return batch.length === 0 ? null : this.commit(batch);
  }

  /** Never rejects; gives what tells everybody of the batch. */
  private async commit(batch: readonly Pending<Item, Result>[]): Promise<() => void> {
    try {
      const results = await this.options.commit(batch.map((entry) => entry.item));
      return () => batch.forEach((entry, index) => entry.resolve(results[index] as Result));
    } catch (error) {
      if (batch.length === 1 || !this.options.blamesItem(error)) {
        return () => batch.forEach((entry) => entry.reject(error));
      }
      const half = batch.length >> 1;
      const tell = [await this.commit(batch.slice(0, half)), await this.commit(batch.slice(half))];
      return () => tell.forEach((one) => one());
    }
  }
}
