import type { BookingTokens } from '../security/booking-token.js';

/** Where a customer sees a booking. The link holds the booking's token: it lets in whoever has it. */
export class BookingPages {
  constructor(
    readonly publicUrl: string,
    private readonly tokens: BookingTokens,
  ) {}

  of(bookingId: string): string {
    // Behind the hash: it reaches the page, and no server's log.
    return `${this.publicUrl}/booking/${bookingId}#token=${this.tokens.issue(bookingId)}`;
  }
}
