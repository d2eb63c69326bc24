import type { LineRead, LineState } from '../booking/ledger/types.js';
import type { LineView } from './line-view.js';
import type { NightWindow } from './night-window.js';

/** A read that tells the whole line, and one that tells what changed. */
export type WholeRead = Extract<LineRead, { departed: null }>;
export type Difference = Extract<LineRead, { waiting: null }>;

/**
 * One line as the reads of it told. It starts from a whole one and follows by differences; its version never falls, an
 * older read is ignored. Pure.
 */
export abstract class FollowedLine {
  protected constructor(protected state: LineState) {}

  /**
   * The line as one sees it who competes for these nights; null: all of it.
   * @param at monotonic, in ms: when this was asked for
   */
  abstract view(window: NightWindow | null, at: number): LineView;

  /** Drops what nobody asked for since then. */
  abstract forget(before: number): void;

  /** How many wait by what was followed. */
  protected abstract readonly waiting: number;
  protected abstract restart(read: WholeRead): void;
  /** @param known what was known before; `state` is the new one already */
  protected abstract follow(read: Difference, known: LineState): void;

  get version(): number {
    return this.state.version;
  }

  /** What a reader of the ledger tells it to get the difference alone. */
  get known(): { readonly version: number; readonly lastSeq: number } {
    return { version: this.state.version, lastSeq: this.state.lastSeq };
  }

  /** False where the ledger counts other than was followed: then only a whole read mends it. */
  get agrees(): boolean {
    return this.waiting === this.state.waiting;
  }

  /** True where the version rose. */
  apply(read: LineRead): boolean {
    const known = this.state;
    if (read.state.version < known.version) return false;
    this.state = read.state;
    if (read.waiting !== null) this.restart(read);
    else this.follow(read, known);
    return read.state.version > known.version;
  }
}
