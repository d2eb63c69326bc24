import type { Delivery } from '../../delivery.js';
import type { JobType } from '../../job-queue.js';
import { EMPTY_NOTE, encodeNote, type OffsetNote } from './offset-note.js';
import type { Envelope } from './record.js';

/** Past so many offsets of a partition whose consumer died with jobs in hand, each job is noted before it starts. */
const CAREFUL_FOR = 1000;

/** A job in hand: read from a partition and not done. */
export interface Entry<T extends JobType = JobType> {
  readonly work: PartitionWork<T>;
  readonly offset: number;
  readonly envelope: Envelope<T>;
  /** Jobs of one key are handled one after the other; null: on its own. */
  readonly key: string | null;
  state: 'waiting' | 'running';
  /** The broker was told that it runs. */
  noted: boolean;
  /** Consumers that it has crashed, as this partition knows. */
  readonly crashes: number;
  /** The next job of its key, which waits for this one. */
  behind: Entry<T> | null;
  delivery: Delivery | null;
  timer: NodeJS.Timeout | null;
}

/**
 * What this consumer has in hand of one partition: which offsets are done, which not. The offset committed is always
 * that of the first job that is not done.
 */
export class PartitionWork<T extends JobType = JobType> {
  /** Set when the partition was taken away: nothing of it counts any more. */
  lost = false;
  /** There is news for the broker. */
  dirty = false;
  /** The last offset that the broker holds for us. */
  committed = 0;
  /** Ascending, for offsets are read in their order. */
  private readonly pending = new Map<number, Entry<T>>();
  private readonly byJobId = new Map<string, Entry<T>>();
  /** The last job in hand of each key. */
  private readonly lastOfKey = new Map<string, Entry<T>>();
  /** Those that the note is about: running, told of as running, or known to have crashed consumers. */
  private readonly notable = new Set<Entry<T>>();
  private next = 0;
  private lastDone = -1;
  private known = EMPTY_NOTE;
  private carefulUpTo = -1;

  constructor(
    readonly topic: string,
    readonly partition: number,
    /** In a topic of work order and repetition count; in one of retries they do not. */
    private readonly isOrdered: boolean,
  ) {}

  /** Jobs in hand. */
  get size(): number {
    return this.pending.size;
  }

  entries(): IterableIterator<Entry<T>> {
    return this.pending.values();
  }

  /** What the consumer before us left. */
  begin(committed: number, note: OffsetNote): void {
    this.committed = this.next = Math.max(0, committed);
    this.known = note;
    if (note.running.size > 0) this.carefulUpTo = this.next + CAREFUL_FOR;
  }

  /** Whether a job's start must be noted before, whatever it costs. */
  isCareful({ offset }: Entry<T>): boolean {
    return offset <= this.carefulUpTo;
  }

  /** False: below what was committed, so that this must be another topic under the old name. */
  isOurs(offset: number): boolean {
    return offset >= this.committed;
  }

  /** Passes over what is none of our messages. */
  skip(offset: number): void {
    if (offset < this.next) return;
    this.next = offset + 1;
    this.lastDone = offset;
    this.dirty = true;
  }

  /** It runs. */
  mark(entry: Entry<T>): void {
    this.notable.add(entry);
    if (!entry.noted) this.dirty = true;
  }

  /** The broker was told that it runs; it may have begun before that, and be done. */
  told(entry: Entry<T>): void {
    if (this.pending.get(entry.offset) !== entry) return;
    entry.noted = true;
    this.notable.add(entry);
  }

  /** It does not run any more, and is not done. */
  unmark(entry: Entry<T>): void {
    entry.state = 'waiting';
    entry.noted = false;
    if (entry.crashes === 0) this.notable.delete(entry);
    this.dirty = true;
  }

  /** The job as an entry, ready or behind another of its key; null where it is in hand or done already. */
  add(
    offset: number,
    key: string | null,
    envelope: Envelope<T>,
  ): { entry: Entry<T>; isReady: boolean } | null {
    if (offset < this.next) return null;
    this.next = offset + 1;
    const { jobId } = envelope.message;
    if (this.isDone(offset) || (this.isOrdered && this.byJobId.has(jobId))) {
      this.lastDone = offset;
      this.dirty = true;
      return null;
    }
    const crashes = this.crashesAt(offset);
    const chainKey = this.isOrdered ? key : null;
    const entry: Entry<T> = {
      work: this,
      offset,
      envelope,
      key: chainKey,
      state: 'waiting',
      noted: false,
      crashes,
      behind: null,
      delivery: null,
      timer: null,
    };
    this.pending.set(offset, entry);
    this.byJobId.set(jobId, entry);
    if (crashes > 0) this.notable.add(entry);
    return { entry, isReady: this.queueUp(entry) };
  }

  /** Its work is done. The next of its key, which is ready now; null: none. */
  done(entry: Entry<T>): Entry<T> | null {
    this.pending.delete(entry.offset);
    this.notable.delete(entry);
    this.lastDone = Math.max(this.lastDone, entry.offset);
    const { jobId } = entry.envelope.message;
    if (this.byJobId.get(jobId) === entry) this.byJobId.delete(jobId);
    this.dirty = true;
    if (entry.key !== null && entry.behind === null) this.lastOfKey.delete(entry.key);
    return entry.behind;
  }

  /** The offset to commit, and the note beside it. `handedOver`: nothing runs here any more, and nothing crashed. */
  commit(noting: ReadonlySet<Entry<T>>, handedOver: boolean): { offset: number; metadata: string } {
    const base = this.base();
    const running = new Map<number, number>();
    const crashed = new Map<number, number>();
    for (const entry of new Set([...this.notable, ...noting])) {
      if (entry.work !== this) continue;
      if (!handedOver && (entry.state === 'running' || entry.noted || noting.has(entry))) {
        running.set(entry.offset, entry.crashes + 1);
      } else if (entry.crashes > 0) crashed.set(entry.offset, entry.crashes);
    }
    for (const [offset, count] of this.unread()) crashed.set(offset, count);
    return { offset: base, metadata: encodeNote(base, { running, crashed, done: this.doneRanges(base) }) };
  }

  private base(): number {
    const first = this.pending.keys().next();
    return first.done === true ? this.next : first.value;
  }

  /** What the note of our predecessor says of jobs that we have not read yet. */
  private *unread(): Iterable<[number, number]> {
    for (const counts of [this.known.running, this.known.crashed]) {
      for (const [offset, count] of counts) if (offset >= this.next) yield [offset, count];
    }
  }

  private doneRanges(base: number): [number, number][] {
    const ranges: [number, number][] = [];
    let from = base;
    const upTo = (offset: number): void => {
      if (offset > from) ranges.push([from, offset - 1]);
    };
    for (const offset of this.pending.keys()) {
      upTo(offset);
      from = offset + 1;
      // nothing is done past it
      if (offset > this.lastDone) break;
    }
    if (this.pending.size > 0 && from <= this.lastDone) upTo(this.lastDone + 1);
    for (const [first, last] of this.known.done) {
      if (last >= this.next && first >= base) ranges.push([Math.max(first, this.next), last]);
    }
    return ranges;
  }

  private crashesAt(offset: number): number {
    return this.known.running.get(offset) ?? this.known.crashed.get(offset) ?? 0;
  }

  private isDone(offset: number): boolean {
    return this.known.done.some(([from, to]) => offset >= from && offset <= to);
  }

  private queueUp(entry: Entry<T>): boolean {
    if (entry.key === null) return true;
    const before = this.lastOfKey.get(entry.key);
    this.lastOfKey.set(entry.key, entry);
    if (before === undefined) return true;
    before.behind = entry;
    return false;
  }
}
