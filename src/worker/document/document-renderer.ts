import type { Money } from '../../booking/booking.js';

/** What the tickets of one booking say. */
export interface TicketDocument {
  readonly bookingId: string;
  readonly event: {
    readonly title: string;
    readonly venue: string;
    readonly ticketType: string;
    /** ISO 8601. */
    readonly startsAt: string;
    /** IANA. */
    readonly timeZone: string;
  };
  /** The codes of the booking's tickets, at least one, in their order: a page each. */
  readonly codes: readonly string[];
  /** How the organiser knows the holder: an opaque reference, not a name. */
  readonly holder: string;
  /** Of one ticket. */
  readonly price: Money;
  /** ISO 8601. Part of the bytes: give the same on every repetition. */
  readonly issuedAt: string;
}

/** The port to whatever prints tickets, and its injection token. */
export abstract class DocumentRenderer {
  /**
   * A PDF with a page for each code. The same input gives the same bytes, so that a repeated step sends the
   * same ticket. Text that the fonts do not cover is shown as replacement characters.
   * @throws TypeError where there is no code or a time is not a time.
   */
  abstract renderTicket(ticket: TicketDocument): Promise<Buffer>;
}
