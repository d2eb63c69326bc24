import { Canvas } from './canvas.js';
import { DocumentRenderer, type TicketDocument } from './document-renderer.js';
import type { Fonts } from './fonts.js';
import { drawTicketPage, PAGE_SIZE } from './ticket-page.js';

/** Where a ticket's code can be checked; what its QR code says. */
export const ticketLink = (publicUrl: string, code: string): string =>
  `${publicUrl}/api/tickets/${encodeURIComponent(code)}`;

/** Draws tickets with pdfkit. A page is drawn in one go of a few milliseconds, and others get their turn between. */
export class PdfDocumentRenderer extends DocumentRenderer {
  constructor(
    private readonly fonts: Fonts,
    /** No trailing slash. */
    private readonly publicUrl: string,
  ) {
    super();
  }

  override async renderTicket(ticket: TicketDocument): Promise<Buffer> {
    if (ticket.codes.length === 0) throw new TypeError('A ticket needs at least one code');
    const canvas = new Canvas(this.fonts, {
      title: `${ticket.event.title}: ${ticket.codes.length === 1 ? 'ticket' : 'tickets'}`,
      subject: `Booking ${ticket.bookingId}`,
      created: instant(ticket.issuedAt),
      size: PAGE_SIZE,
    });
    for (const [index, code] of ticket.codes.entries()) {
      drawTicketPage(canvas, ticket, index, ticketLink(this.publicUrl, code));
      await new Promise(setImmediate);
    }
    return canvas.finish();
  }
}

function instant(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new TypeError('The time of issue is not a time');
  return date;
}
