import { formatDate, formatMoney, formatTime } from '../../common/format.js';
import type { Canvas } from './canvas.js';
import type { TicketDocument } from './document-renderer.js';
import {
  bookingNumber,
  COLUMNS,
  drawFact,
  drawFrame,
  drawHeading,
  drawIssued,
  drawStub,
} from './slip-page.js';

/** One page: what, when and where on the left, the code to scan on the stub at the right. */
export function drawTicketPage(canvas: Canvas, ticket: TicketDocument, index: number, link: string): void {
  const { event, codes } = ticket;
  canvas.pdf.addPage();
  drawFrame(canvas);
  drawHeading(canvas, 'ADMISSION TICKET', event.title);
  drawFacts(canvas, ticket);
  drawIssued(canvas, ticket, event.timeZone);
  const hint = 'Show this code at the entrance. It opens once.';
  drawStub(canvas, { unit: 'TICKET', type: event.ticketType, index, codes, link, hint });
}

function drawFacts(canvas: Canvas, ticket: TicketDocument): void {
  const { event, holder, price } = ticket;
  const { both, left, right } = COLUMNS;
  drawFact(canvas, 'DATE', formatDate(event.startsAt, event.timeZone), { ...left, y: 172 });
  drawFact(canvas, 'TIME', formatTime(event.startsAt, event.timeZone), { ...right, y: 172 });
  drawFact(canvas, 'VENUE', event.venue, { ...both, y: 222, maxLines: 2 });
  drawFact(canvas, 'TICKET', event.ticketType, { ...left, y: 278, maxLines: 2 });
  drawFact(canvas, 'PRICE', formatMoney(price), { ...right, y: 278 });
  drawFact(canvas, 'HOLDER', holder, { ...left, y: 328, maxLines: 2 });
  drawFact(canvas, 'BOOKING', bookingNumber(ticket), { ...right, y: 328 });
}
