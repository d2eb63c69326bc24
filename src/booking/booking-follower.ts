import { AppError } from '../common/errors.js';
import type { LineViews } from '../realtime/line-views.js';
import { windowOf } from '../realtime/night-window.js';
import { AddressCounts } from '../security/rate-limit/address-counts.js';
import { SETTLED, type BookingSnapshot, type BookingState } from './booking.js';
import type { Snapshots } from './snapshots.js';

/** Bookings that one process follows at once; more are `OVERLOADED`. */
const MAX_FOLLOWED = 2000;
/** Who stands so far in front is told of each step, at most once a second; the rest less often. */
const NEAR = 100;
const NEAR_MS = 1000;
const FAR_MS = 5000;
/** Each look that finds nothing new makes the next one wait so much longer, up to `FAR_MS`. */
const PATIENCE = 1.5;
/** Streams at once of one booking, of one customer, and of one address. */
const KINDS = ['booking', 'customer', 'address'] as const;
const MAX_PER: Readonly<Record<keyof Watcher, number>> = { booking: 16, customer: 16, address: 500 };
/** Where it waits no more, its row is looked at so often: what moves it moves soon. */
const LOOK_MS: Partial<Record<BookingState, number>> = { held: 1000, paying: 250, paid: 250 };

/** Whose stream it is; null is not counted. */
export interface Watcher {
  readonly booking: string;
  readonly customer: string | null;
  readonly address: string | null;
}

/**
 * Follows one booking from its line to where it is settled, for whoever has no socket. What it tells is the ledger's
 * state, never older than what it told before; of positions that follow fast upon each other it leaves some out.
 */
export class BookingFollower {
  private followed = 0;
  private readonly streams = new AddressCounts();

  constructor(
    private readonly snapshots: Pick<Snapshots, 'of'>,
    private readonly views: Pick<LineViews, 'peek' | 'onChange'>,
  ) {}

  /**
   * The snapshot given, and one after each change; ends with the booking, or when the signal is aborted.
   * @throws AppError `OVERLOADED`; `RATE_LIMITED` where the watcher has too many streams; what the ledger throws
   */
  async *follow(
    first: BookingSnapshot,
    signal: AbortSignal,
    watcher: Watcher,
  ): AsyncGenerator<BookingSnapshot, void> {
    const leave = this.enter(watcher);
    try {
      yield first;
      yield* this.changes(first, signal);
    } finally {
      leave();
    }
  }

  private async *changes(first: BookingSnapshot, signal: AbortSignal): AsyncGenerator<BookingSnapshot, void> {
    let last = first;
    let sameFor = 0;
    while (!SETTLED.has(last.state)) {
      await this.news(last, signal, sameFor);
      if (signal.aborted) return;
      const now = await this.snapshots.of(last.bookingId, last.version);
      if (now === null) return;
      sameFor = isNews(last, now) ? 0 : sameFor + 1;
      if (sameFor === 0) yield now;
      last = now;
    }
  }

  /** @returns what ends it */
  private enter(watcher: Watcher): () => void {
    if (this.followed >= MAX_FOLLOWED) throw new AppError('OVERLOADED', undefined, { retryAfterSeconds: 5 });
    const whose = KINDS.flatMap((kind) => {
      const id = watcher[kind];
      return id === null ? [] : [{ key: `${kind}:${id}`, most: MAX_PER[kind] }];
    });
    if (whose.some(({ key, most }) => this.streams.of(key) >= most))
      throw new AppError('RATE_LIMITED', 'Too many streams at once', { retryAfterSeconds: 5 });
    this.followed++;
    for (const { key } of whose) this.streams.opened(key);
    return () => {
      this.followed--;
      for (const { key } of whose) this.streams.closed(key);
    };
  }

  /** Resolves when it is worth looking again; at once where the line's view says that it waits no more. */
  private news(last: BookingSnapshot, signal: AbortSignal, sameFor: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        unsubscribe();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(FAR_MS, quietMs(last) * PATIENCE ** sameFor));
      const unsubscribe = this.views.onChange((offerId) => {
        if (offerId === last.offerId && this.hasLeft(last)) done();
      });
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }

  private hasLeft({ state, offerId, seq, stay }: BookingSnapshot): boolean {
    if (state !== 'waiting') return false;
    const found = this.views.peek(offerId, windowOf(stay));
    return found !== null && found.view.position(seq) === null;
  }
}

const quietMs = ({ state, position }: BookingSnapshot): number =>
  LOOK_MS[state] ?? ((position ?? 0) <= NEAR ? NEAR_MS : FAR_MS);

/** Whether a client is shown something else; the time of day and the line's version are nothing by themselves. */
const isNews = (before: BookingSnapshot, after: BookingSnapshot): boolean => shown(before) !== shown(after);

const shown = ({ version: _, serverTime: __, estimatedWaitSeconds: ___, ...rest }: BookingSnapshot): string =>
  JSON.stringify(rest);
