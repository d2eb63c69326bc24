import type { Money } from '../../booking/booking.js';

/** What tickets and vouchers have in common. */
export interface Slip {
  readonly bookingId: string;
  /** The codes of the booking's tickets or rooms, at least one, in their order: a page each. */
  readonly codes: readonly string[];
  /** How the organiser or the hotel knows the holder: an opaque reference, not a name. */
  readonly holder: string;
  /** Of one ticket; of one room for all its nights. */
  readonly price: Money;
  /** ISO 8601. Part of the bytes: give the same on every repetition. */
  readonly issuedAt: string;
}

/** What the tickets of one booking say. */
export interface TicketDocument extends Slip {
  readonly event: {
    readonly title: string;
    readonly venue: string;
    readonly ticketType: string;
    /** ISO 8601. */
    readonly startsAt: string;
    /** IANA. */
    readonly timeZone: string;
  };
}

/** What the vouchers of one hotel booking say. */
export interface VoucherDocument extends Slip {
  readonly stay: {
    readonly title: string;
    readonly venue: string;
    readonly roomType: string;
    /** `YYYY-MM-DD`: the first night. */
    readonly checkIn: string;
    /** `YYYY-MM-DD`: the day after the last night. */
    readonly checkOut: string;
    /** `HH:MM`, local. */
    readonly checkInTime: string;
    readonly checkOutTime: string;
    /** IANA. */
    readonly timeZone: string;
  };
}

/** The port to whatever prints tickets and vouchers, and its injection token. */
export abstract class DocumentRenderer {
  /**
   * A PDF with a page for each code. The same input gives the same bytes, so that a repeated step sends the
   * same ticket. Text that the fonts do not cover is shown as replacement characters.
   * @throws TypeError where there is no code or a time is not a time.
   */
  abstract renderTicket(ticket: TicketDocument): Promise<Buffer>;

  /**
   * A PDF with a page for each room, otherwise as `renderTicket`.
   * @throws TypeError where there is no code, or a day or the time of issue is none.
   */
  abstract renderVoucher(voucher: VoucherDocument): Promise<Buffer>;
}
