import { AppError } from '../common/errors.js';
import type { LineViews } from '../realtime/line-views.js';
import { windowOf } from '../realtime/night-window.js';
import { SETTLED, type BookingSnapshot, type BookingState } from './booking.js';
import type { Snapshots } from './snapshots.js';

/** Bookings that one process follows at once; more are `OVERLOADED`. */
const MAX_FOLLOWED = 2000;
/** Who stands so far in front is told of each step, at most once a second; the rest less often. */
const NEAR = 100;
const NEAR_MS = 1000;
const FAR_MS = 5000;
/** Where it waits no more, its row is looked at so often: what moves it moves soon. */
const LOOK_MS: Partial<Record<BookingState, number>> = { held: 1000, paying: 250, paid: 250 };

/**
 * Follows one booking from its line to where it is settled, for whoever has no socket. What it tells is the ledger's
 * state, never older than what it told before; of positions that follow fast upon each other it leaves some out.
 */
export class BookingFollower {
  private followed = 0;

  constructor(
    private readonly snapshots: Pick<Snapshots, 'of'>,
    private readonly views: Pick<LineViews, 'peek' | 'onChange'>,
  ) {}

  /**
   * The snapshot given, and one after each change; ends with the booking, or when the signal is aborted.
   * @throws AppError `OVERLOADED`; what the ledger throws
   */
  async *follow(first: BookingSnapshot, signal: AbortSignal): AsyncGenerator<BookingSnapshot, void> {
    if (this.followed >= MAX_FOLLOWED) throw new AppError('OVERLOADED', undefined, { retryAfterSeconds: 5 });
    this.followed++;
    try {
      let last = first;
      yield last;
      while (!SETTLED.has(last.state)) {
        await this.news(last, signal);
        if (signal.aborted) return;
        const now = await this.snapshots.of(last.bookingId, last.version);
        if (now === null) return;
        if (isNews(last, now)) yield now;
        last = now;
      }
    } finally {
      this.followed--;
    }
  }

  /** Resolves when it is worth looking again; at once where the line's view says that it waits no more. */
  private news(last: BookingSnapshot, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        unsubscribe();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, quietMs(last));
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
