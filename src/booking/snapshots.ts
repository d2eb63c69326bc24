import { servedSnapshot } from '../realtime/booking-event.js';
import type { LineViews } from '../realtime/line-views.js';
import { windowOf } from '../realtime/night-window.js';
import type { BookingSnapshot } from './booking.js';
import type { BookingWithTickets } from './ledger/bookings.js';
import type { Ledger } from './ledger/ledger.js';

/** A row that left its line between two reads is read again so often; a line moves on all the time. */
const READS = 3;

/** What a customer is shown of a booking: its row, and its place by the view of its line. */
export class Snapshots {
  constructor(
    private readonly ledger: Ledger,
    private readonly views: LineViews,
    private readonly publicUrl: string,
  ) {}

  /** Never older than the version given; null where there is no such booking. */
  async of(bookingId: string, atLeastVersion = 0): Promise<BookingSnapshot | null> {
    for (let read = 1; ; read++) {
      const found = await this.ledger.booking(bookingId);
      if (found === null) return null;
      const snapshot = await this.withPlace(found, atLeastVersion, read === READS);
      if (snapshot !== null) return snapshot;
    }
  }

  /** Of one that is at hand. */
  async from(found: BookingWithTickets, atLeastVersion = 0): Promise<BookingSnapshot> {
    const snapshot = await this.withPlace(found, atLeastVersion, false);
    return snapshot ?? (await this.of(found.booking.id, atLeastVersion)) ?? this.served(found);
  }

  /** Null where the row says that it waits and the view, newer than that, that it does not. */
  private async withPlace(
    found: BookingWithTickets,
    atLeastVersion: number,
    last: boolean,
  ): Promise<BookingSnapshot | null> {
    const { booking, lineVersion } = found;
    if (booking.state !== 'waiting')
      return {
        ...this.served(found),
        version: Math.max(booking.version, Math.min(atLeastVersion, lineVersion)),
      };
    const place = await this.views.position(
      booking.offerId,
      booking.seq,
      Math.max(atLeastVersion, booking.version),
      windowOf(booking.stay),
    );
    if (!place.waiting && !last) return null;
    return {
      ...this.served(found),
      version: place.version,
      position: place.waiting ? place.position : 1,
      estimatedWaitSeconds: place.waiting ? place.estimatedWaitSeconds : 0,
    };
  }

  private served({ booking, tickets, now }: BookingWithTickets): BookingSnapshot {
    const ticketCodes = tickets.map((ticket) => ticket.code);
    return servedSnapshot(booking, { publicUrl: this.publicUrl, ticketCodes, serverTime: now });
  }
}
