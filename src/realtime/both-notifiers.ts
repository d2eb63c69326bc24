import type { Booking } from '../booking/booking.js';
import { type LineHint, Notifier } from './notifier.js';

/** Tells our own sockets and a service elsewhere. That one may be away: it counts for nothing. */
export class BothNotifiers extends Notifier {
  constructor(
    private readonly own: Notifier,
    private readonly remote: Notifier,
  ) {
    super();
  }

  override bookings(bookings: readonly Booking[]): void {
    this.own.bookings(bookings);
    this.remote.bookings(bookings);
  }

  override progress(booking: Booking, ticketCodes: readonly string[]): void {
    this.own.progress(booking, ticketCodes);
    this.remote.progress(booking, ticketCodes);
  }

  override line(hint: LineHint): void {
    this.own.line(hint);
    this.remote.line(hint);
  }

  override get connected(): boolean {
    return this.own.connected;
  }

  override async close(): Promise<void> {
    await Promise.all([this.own.close(), this.remote.close()]);
  }
}
