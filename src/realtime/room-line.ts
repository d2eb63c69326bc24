import type { LineState, NightCounts, SeqRange, WaitingStay } from '../booking/ledger/types.js';
import { type Difference, FollowedLine, type WholeRead } from './followed-line.js';
import { LineView } from './line-view.js';
import { lineKey, type NightWindow, sharesNight, stockOver } from './night-window.js';

interface Seen {
  readonly window: NightWindow | null;
  readonly view: LineView;
  /** Monotonic, in ms. */
  askedAt: number;
}

/**
 * A line of stays. Each window of nights that somebody looks through has a view of its own, of the stays that share a
 * night with it. A view is made from all who wait when it is first asked for, and led on by what changes: a stay that
 * comes or leaves costs each window one comparison, and those whose nights it shares one bit.
 */
export class RoomLine extends FollowedLine {
  /** By number, ascending: whoever joins has a higher one than all before. */
  private stays = new Map<number, WaitingStay>();
  private nights: ReadonlyMap<number, NightCounts>;
  private readonly windows = new Map<string, Seen>();

  constructor({ state, stays }: WholeRead) {
    super(state);
    this.nights = byDay(state);
    this.stays = bySeq(stays);
  }

  override view(window: NightWindow | null, at: number): LineView {
    const key = lineKey('', window);
    const known = this.windows.get(key);
    if (known !== undefined) {
      known.askedAt = at;
      return known.view;
    }
    const view = new LineView(this.stateIn(window), this.runsIn(window), window);
    this.windows.set(key, { window, view, askedAt: at });
    return view;
  }

  override forget(before: number): void {
    for (const [key, { askedAt }] of this.windows) if (askedAt < before) this.windows.delete(key);
  }

  protected override get waiting(): number {
    return this.stays.size;
  }

  protected override restart({ state, stays }: WholeRead): void {
    this.nights = byDay(state);
    this.stays = bySeq(stays);
    for (const { window, view } of this.windows.values()) {
      view.restart(this.stateIn(window), this.runsIn(window));
    }
  }

  protected override follow({ state, stays, departed }: Difference): void {
    this.nights = byDay(state);
    const left = this.take(departed);
    const came = stays ?? [];
    for (const stay of came) this.stays.set(stay[0], stay);
    for (const { window, view } of this.windows.values()) {
      view.follow(this.stateIn(window), seqsIn(window, came), seqsIn(window, left));
    }
  }

  /** Takes those out who have left; who came and left since the last read was never told of. */
  private take(departed: readonly SeqRange[]): WaitingStay[] {
    const left: WaitingStay[] = [];
    for (const [from, to] of departed) {
      for (let seq = from; seq <= to; seq += 1) {
        const stay = this.stays.get(seq);
        if (stay === undefined) continue;
        this.stays.delete(seq);
        left.push(stay);
      }
    }
    return left;
  }

  /** Grants are measured for the line alone: of how fast a window moves they say nothing. */
  private stateIn(window: NightWindow | null): LineState {
    if (window === null) return this.state;
    return { ...this.state, grantsPerMinute: 0, stock: stockOver(this.nights, window) };
  }

  private runsIn(window: NightWindow | null): SeqRange[] {
    return seqsIn(window, this.stays.values());
  }
}

const byDay = ({ nights }: LineState): ReadonlyMap<number, NightCounts> =>
  new Map((nights ?? []).map((night) => [night[0], night]));

const bySeq = (stays: readonly WaitingStay[] | null): Map<number, WaitingStay> =>
  new Map((stays ?? []).map((stay) => [stay[0], stay]));

/** The numbers of those who share a night with the window. By index: to take apart 20,000 tuples costs five times that. */
function seqsIn(window: NightWindow | null, stays: Iterable<WaitingStay>): SeqRange[] {
  const found: SeqRange[] = [];
  for (const stay of stays) if (sharesNight(window, stay[1], stay[2])) found.push([stay[0], stay[0]]);
  return found;
}
