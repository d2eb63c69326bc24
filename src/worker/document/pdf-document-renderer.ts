import { Canvas } from './canvas.js';
import {
  DocumentRenderer,
  type Slip,
  type TicketDocument,
  type VoucherDocument,
} from './document-renderer.js';
import type { Fonts } from './fonts.js';
import { PAGE_SIZE } from './slip-page.js';
import { drawTicketPage } from './ticket-page.js';
import { drawVoucherPage } from './voucher-page.js';

/** Where the code of a ticket or a voucher can be checked; what its QR code says. */
export const ticketLink = (publicUrl: string, code: string): string =>
  `${publicUrl}/api/tickets/${encodeURIComponent(code)}`;

/** Draws with pdfkit. A page is drawn in one go of a few milliseconds, and others get their turn between. */
export class PdfDocumentRenderer extends DocumentRenderer {
  constructor(
    private readonly fonts: Fonts,
    /** No trailing slash. */
    private readonly publicUrl: string,
  ) {
    super();
  }

  override async renderTicket(ticket: TicketDocument): Promise<Buffer> {
    const title = `${ticket.event.title}: ${ticket.codes.length === 1 ? 'ticket' : 'tickets'}`;
    return this.render(ticket, title, (canvas, index, link) => drawTicketPage(canvas, ticket, index, link));
  }

  override async renderVoucher(voucher: VoucherDocument): Promise<Buffer> {
    for (const day of [voucher.stay.checkIn, voucher.stay.checkOut]) instant(`${day}T00:00:00Z`);
    const title = `${voucher.stay.title}: ${voucher.codes.length === 1 ? 'voucher' : 'vouchers'}`;
    return this.render(voucher, title, (canvas, index, link) =>
      drawVoucherPage(canvas, voucher, index, link),
    );
  }

  private async render(
    slip: Slip,
    title: string,
    drawPage: (canvas: Canvas, index: number, link: string) => void,
  ): Promise<Buffer> {
    if (slip.codes.length === 0) throw new TypeError('A document needs at least one code');
    const canvas = new Canvas(this.fonts, {
      title,
      subject: `Booking ${slip.bookingId}`,
      created: instant(slip.issuedAt),
      size: PAGE_SIZE,
    });
    for (const [index, code] of slip.codes.entries()) {
      drawPage(canvas, index, ticketLink(this.publicUrl, code));
      await new Promise(setImmediate);
    }
    return canvas.finish();
  }
}

function instant(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new TypeError(`Not a time: ${text}`);
  return date;
}
