import type { LineRead, LineState } from '../booking/ledger/types.js';
import type { LineEvent } from './events.js';
import { SeqSet } from './seq-set.js';

/** Most buckets of departures that one `line` event carries: about 0.7 kB. */
const MAX_BUCKETS = 64;
/** Departures in so many places are told number by number; more are counted in buckets, at first this wide. */
const FIRST_BUCKET = 32;

/** A rate that fades to nothing must not make a wait that no integer holds. */
const MAX_WAIT_SECONDS = 2 ** 31 - 1;

type Departures = Pick<LineEvent, 'bucketSize' | 'departed'>;

/**
 * Who waits in one line at one version: exact, as the ledger said. Pure; the clock is the ledger's.
 *
 * It starts from a whole read and follows by differences. Its version never falls: an older read is ignored.
 */
export class LineView {
  private set = new SeqSet();
  private current: LineState;

  /** @throws TypeError where the read is a difference: there is nothing yet to apply it to. */
  constructor(read: LineRead) {
    if (read.waiting === null) throw new TypeError('A view starts from a whole read');
    this.current = read.state;
    this.replace(read.waiting);
  }

  get version(): number {
    return this.current.version;
  }

  get state(): LineState {
    return this.current;
  }

  /** What a reader of the ledger tells it to get the difference alone. */
  get known(): { readonly version: number; readonly lastSeq: number } {
    return { version: this.current.version, lastSeq: this.current.lastSeq };
  }

  get waiting(): number {
    return this.set.size;
  }

  /** False where the ledger counts other than the view does: then only a whole read mends it. */
  get agrees(): boolean {
    return this.set.size === this.current.waiting;
  }

  /** The first number that waits; one past the last where nobody does. */
  get front(): number {
    return this.set.select(1) ?? this.current.lastSeq + 1;
  }

  /** True where the version rose. */
  apply(read: LineRead): boolean {
    const { state } = read;
    if (state.version < this.version) return false;
    const rose = state.version > this.version;
    if (read.waiting !== null) this.replace(read.waiting);
    else this.follow(read);
    this.current = state;
    return rose;
  }

  /** Position of a booking, 1 being next; null where it does not wait. */
  position(seq: number): number | null {
    return this.set.has(seq) ? this.set.countBelow(seq) + 1 : null;
  }

  /**
   * Seconds until this position's turn: by the measured rate of grants, else the worst case, in which every
   * round of holds runs out. The ledger's answer on acceptance follows the same rule.
   */
  estimatedWaitSeconds(position: number): number {
    const { grantsPerMinute, holdSeconds, stock } = this.current;
    const seconds =
      grantsPerMinute > 0
        ? Math.ceil((position * 60) / grantsPerMinute)
        : holdSeconds * Math.floor((position - 1) / Math.max(1, stock.capacity - stock.sold));
    return Math.min(seconds, MAX_WAIT_SECONDS);
  }

  /** @param ageMs how long ago this was read, so that `serverTime` is now. */
  event(ageMs: number): LineEvent {
    const { offerId, version, lastSeq, grantsPerMinute, stock, soldOut, now } = this.current;
    return {
      offerId,
      version,
      front: this.front,
      last: lastSeq,
      waiting: this.set.size,
      ...this.departures(),
      grantsPerMinute,
      stock,
      soldOut,
      serverTime: new Date(Date.parse(now) + Math.max(0, Math.round(ageMs))).toISOString(),
    };
  }

  private replace(waiting: readonly (readonly [number, number])[]): void {
    this.set = new SeqSet();
    for (const [from, to] of waiting) this.set.addRange(from, to);
  }

  private follow({ state, departed }: Extract<LineRead, { waiting: null }>): void {
    this.set.addRange(this.current.lastSeq + 1, state.lastSeq);
    for (const [from, to] of departed) this.set.deleteRange(from, to);
  }

  /** Who has left from behind the front: number by number where few have, else in buckets, as narrow as fit. */
  private departures(): Departures {
    const gone = this.current.lastSeq - this.front + 1 - this.set.size;
    if (gone <= MAX_BUCKETS) return { bucketSize: 1, departed: this.departedOneByOne(gone) };
    let bucketSize = FIRST_BUCKET;
    let departed = this.departedIn(bucketSize);
    while (departed.length > MAX_BUCKETS) {
      bucketSize *= 2;
      departed = halved(departed);
    }
    return { bucketSize, departed };
  }

  private departedOneByOne(gone: number): [number, number][] {
    const first = this.front;
    const goneThrough = (seq: number): number => seq + 1 - first - this.set.countBelow(seq + 1);
    const found: [number, number][] = [];
    let low = first;
    while (found.length < gone) {
      // the next one that left is the first number through which more have gone than were found
      let high = this.current.lastSeq;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if (goneThrough(middle) > found.length) high = middle;
        else low = middle + 1;
      }
      found.push([low, 1]);
      low += 1;
    }
    return found;
  }

  private departedIn(size: number): [number, number][] {
    const { lastSeq } = this.current;
    const { front } = this;
    const found: [number, number][] = [];
    let below = this.set.countBelow(front);
    for (let bucket = Math.floor(front / size); bucket * size <= lastSeq; bucket += 1) {
      const first = Math.max(front, bucket * size);
      const end = Math.min(lastSeq + 1, (bucket + 1) * size);
      const reached = this.set.countBelow(end);
      const gone = end - first - (reached - below);
      if (gone > 0) found.push([bucket, gone]);
      below = reached;
    }
    return found;
  }
}

/** The same departures in buckets twice as wide. */
function halved(departed: readonly (readonly [number, number])[]): [number, number][] {
  const wider: [number, number][] = [];
  for (const [bucket, gone] of departed) {
    const index = Math.floor(bucket / 2);
    const last = wider.at(-1);
    if (last?.[0] === index) last[1] += gone;
    else wider.push([index, gone]);
  }
  return wider;
}
