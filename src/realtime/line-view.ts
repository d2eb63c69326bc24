import type { LineState, SeqRange, StockCounts } from '../booking/ledger/types.js';
import { departures } from './departures.js';
import type { LineEvent } from './events.js';
import { datesOf, type NightWindow } from './night-window.js';
import { SeqSet } from './seq-set.js';

/** A rate that fades to nothing must not make a wait that no integer holds. */
const MAX_WAIT_SECONDS = 2 ** 31 - 1;

/**
 * Who waits in one line, or in one window of a line of rooms, at one version: exact, as the ledger said. Pure; the
 * clock is the ledger's. The line that it belongs to leads it from version to version.
 */
export class LineView {
  private set = new SeqSet();
  private current: LineState;
  private changed: number;

  /** @param state that of the line; its stock is what this window has */
  constructor(
    state: LineState,
    waiting: Iterable<SeqRange>,
    private readonly window: NightWindow | null = null,
  ) {
    this.current = state;
    this.changed = state.version;
    this.restart(state, waiting);
  }

  get version(): number {
    return this.current.version;
  }

  /** The version at which what it shows changed last: who knows that one has nothing new to hear. */
  get changedAt(): number {
    return this.changed;
  }

  get state(): LineState {
    return this.current;
  }

  get waiting(): number {
    return this.set.size;
  }

  /** The first number that waits; one past the last where nobody does. */
  get front(): number {
    return this.set.select(1) ?? this.current.lastSeq + 1;
  }

  /** Begins anew: those who wait are exactly these. */
  restart(state: LineState, waiting: Iterable<SeqRange>): void {
    this.set = new SeqSet();
    for (const [from, to] of waiting) this.set.addRange(from, to);
    this.changed = state.version;
    this.current = state;
  }

  /** Follows its line: who came since, and who left, those that have just come among them. */
  follow(state: LineState, came: readonly SeqRange[], left: readonly SeqRange[]): void {
    for (const [from, to] of came) this.set.addRange(from, to);
    for (const [from, to] of left) this.set.deleteRange(from, to);
    const moved = came.length > 0 || left.length > 0;
    // much of what happens to a line of rooms happens to other nights
    if (this.window === null || moved || !sameStock(state.stock, this.current.stock)) {
      this.changed = state.version;
    }
    this.current = state;
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
    const { front } = this;
    return {
      offerId,
      stay: datesOf(this.window),
      version,
      front,
      last: lastSeq,
      waiting: this.set.size,
      ...departures(this.set, front, lastSeq),
      grantsPerMinute,
      stock,
      soldOut,
      serverTime: new Date(Date.parse(now) + Math.max(0, Math.round(ageMs))).toISOString(),
    };
  }
}

const sameStock = (a: StockCounts, b: StockCounts): boolean =>
  a.capacity === b.capacity && a.available === b.available && a.held === b.held && a.sold === b.sold;
