import type { LineState } from '../booking/ledger/types.js';
import { type Difference, FollowedLine, type WholeRead } from './followed-line.js';
import { LineView } from './line-view.js';

/** A line in which everybody competes with everybody: all see the same. */
export class TicketLine extends FollowedLine {
  private readonly whole: LineView;

  constructor({ state, waiting }: WholeRead) {
    super(state);
    this.whole = new LineView(state, waiting);
  }

  override view(): LineView {
    return this.whole;
  }

  override forget(): void {
    // its one view lives as long as the line
  }

  protected override get waiting(): number {
    return this.whole.waiting;
  }

  protected override restart({ state, waiting }: WholeRead): void {
    this.whole.restart(state, waiting);
  }

  protected override follow({ state, departed }: Difference, known: LineState): void {
    this.whole.follow(state, [[known.lastSeq + 1, state.lastSeq]], departed);
  }
}
