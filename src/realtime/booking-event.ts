import type { Booking, BookingLinks, BookingSnapshot } from '../booking/booking.js';

/** Where a booking can be seen, paid and fetched. `publicUrl` as in `Config.http`. */
export const bookingLinks = (publicUrl: string, bookingId: string): BookingLinks => {
  const self = `${publicUrl}/api/bookings/${bookingId}`;
  return { self, payment: `${self}/payment`, ticket: `${self}/ticket.pdf` };
};

/** What only the moment knows of a snapshot. */
export interface SnapshotFacts {
  readonly publicUrl: string;
  readonly ticketCodes: readonly string[];
  /** By the database's clock. */
  readonly serverTime: string;
}

/** The snapshot of a booking that no longer waits: without a position, so no view of the line is needed. */
export function servedSnapshot(booking: Booking, facts: SnapshotFacts): BookingSnapshot {
  return {
    bookingId: booking.id,
    jobId: booking.jobId,
    offerId: booking.offerId,
    seq: booking.seq,
    quantity: booking.quantity,
    stay: booking.stay,
    state: booking.state,
    reason: booking.reason,
    position: null,
    estimatedWaitSeconds: null,
    version: booking.version,
    progress: booking.progress,
    deadline: booking.deadline,
    price: booking.price,
    ticketCodes: facts.ticketCodes,
    acceptedAt: booking.acceptedAt,
    serverTime: facts.serverTime,
    links: bookingLinks(facts.publicUrl, booking.id),
  };
}
