import { AppError } from '../common/errors.js';
import type { LineViews } from '../realtime/line-views.js';
import type { Notifier } from '../realtime/notifier.js';
import type { Booking } from './booking.js';
import type { Ledger } from './ledger/ledger.js';

/** Tells whoever watches once more what the ledger says: never the words of whoever asks for it. */
export class ClientNews {
  constructor(
    private readonly ledger: Pick<Ledger, 'booking'>,
    private readonly views: Pick<LineViews, 'event'>,
    private readonly notifier: Pick<Notifier, 'progress' | 'line'>,
  ) {}

  /** @throws AppError BOOKING_NOT_FOUND */
  async ofBooking(bookingId: string): Promise<Booking> {
    const found = await this.ledger.booking(bookingId);
    if (found === null) throw new AppError('BOOKING_NOT_FOUND');
    const { booking, tickets, lineVersion } = found;
    this.notifier.progress(
      booking,
      tickets.map(({ code }) => code),
    );
    // Who waits is told by the line.
    this.notifier.line({ offerId: booking.offerId, version: lineVersion });
    return booking;
  }

  /**
   * @param atLeast a version that somebody has seen; one that the ledger has not reached is answered with the ledger's
   * @returns the version that is told
   * @throws AppError OFFER_NOT_FOUND
   */
  async ofLine(offerId: string, atLeast: number): Promise<number> {
    const { version } = await this.views.event(offerId, atLeast, null);
    this.notifier.line({ offerId, version });
    return version;
  }
}
