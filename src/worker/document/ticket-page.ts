import { formatTicketCode } from '../../booking/tickets/ticket-code.js';
import { formatDate, formatMoney, formatTime } from '../../common/format.js';
import type { Canvas } from './canvas.js';
import type { TicketDocument } from './document-renderer.js';

/** A5, landscape, in points. */
export const PAGE_SIZE = [595.28, 419.53] as const;

const [WIDTH, HEIGHT] = PAGE_SIZE;
const INK = '#14182f';
const PAPER = '#ffffff';
const MUTED = '#6a7089';
const PALE = '#c3c8e0';
const ACCENT = '#ff7a45';
const RULE = '#d9dce8';

const MARGIN = 30;
/** Where the stub with the QR code begins. */
const STUB = 398;
const BAND = 148;
const MAIN_WIDTH = STUB - 2 * MARGIN;
const STUB_MARGIN = 18;
const STUB_WIDTH = WIDTH - STUB - 2 * STUB_MARGIN;
const NOTCH = 9;
const GROUPS_ON_FIRST_LINE = 4;

/** One page: what, when and where on the left, the code to scan on the stub at the right. */
export function drawTicketPage(canvas: Canvas, ticket: TicketDocument, index: number, link: string): void {
  canvas.pdf.addPage();
  drawFrame(canvas);
  drawHeading(canvas, ticket);
  drawFacts(canvas, ticket);
  drawStub(canvas, ticket, index, link);
}

function drawFrame({ pdf }: Canvas): void {
  pdf.rect(0, 0, WIDTH, BAND).fill(INK);
  pdf.rect(0, BAND, WIDTH, 4).fill(ACCENT);
  pdf.lineWidth(1).dash(4, { space: 4 });
  pdf
    .moveTo(STUB, NOTCH + 4)
    .lineTo(STUB, BAND - 2)
    .stroke(PALE);
  pdf
    .moveTo(STUB, BAND + 8)
    .lineTo(STUB, HEIGHT - NOTCH - 4)
    .stroke(RULE);
  pdf.undash();
  pdf.circle(STUB, 0, NOTCH).fill(PAPER);
  pdf.circle(STUB, HEIGHT, NOTCH).fillAndStroke(PAPER, RULE);
}

function drawHeading(canvas: Canvas, ticket: TicketDocument): void {
  const label = { weight: 700, width: MAIN_WIDTH, maxLines: 1, maxSize: 9, minSize: 6 } as const;
  const y = canvas.text('ADMISSION TICKET', { x: MARGIN, y: 24, color: ACCENT }, label);
  const title = { weight: 700, width: MAIN_WIDTH, maxLines: 4, maxSize: 26, minSize: 12 } as const;
  const { size, lines } = canvas.fit(ticket.event.title, title);
  const room = BAND - y - 10;
  const top = y + Math.max(0, (room - lines.length * size * 1.2) / 2);
  canvas.text(ticket.event.title, { x: MARGIN, y: top, color: PAPER }, title, 1.2);
}

function drawFacts(canvas: Canvas, { event, holder, price, bookingId, issuedAt }: TicketDocument): void {
  const half = (MAIN_WIDTH - 16) / 2;
  const right = MARGIN + half + 16;
  fact(canvas, 'DATE', formatDate(event.startsAt, event.timeZone), { x: MARGIN, y: 172, width: half });
  fact(canvas, 'TIME', formatTime(event.startsAt, event.timeZone), { x: right, y: 172, width: half });
  fact(canvas, 'VENUE', event.venue, { x: MARGIN, y: 222, width: MAIN_WIDTH, maxLines: 2 });
  fact(canvas, 'TICKET', event.ticketType, { x: MARGIN, y: 278, width: half, maxLines: 2 });
  fact(canvas, 'PRICE', formatMoney(price), { x: right, y: 278, width: half });
  fact(canvas, 'HOLDER', holder, { x: MARGIN, y: 328, width: half, maxLines: 2 });
  // The last group of the id: the first ones are time, alike for all who booked together.
  fact(canvas, 'BOOKING', bookingId.slice(-12).toUpperCase(), { x: right, y: 328, width: half });
  const small = { weight: 400, width: MAIN_WIDTH, maxLines: 1, maxSize: 7, minSize: 5 } as const;
  const issued = `Issued ${formatDate(issuedAt, event.timeZone)}, ${formatTime(issuedAt, event.timeZone)}`;
  canvas.text(issued, { x: MARGIN, y: HEIGHT - 30, color: MUTED }, small);
}

interface FactBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly maxLines?: number;
}

function fact(canvas: Canvas, label: string, value: string, { x, y, width, maxLines = 1 }: FactBox): void {
  canvas.text(label, { x, y, color: MUTED }, { weight: 700, width, maxLines: 1, maxSize: 7, minSize: 7 });
  const box = { weight: 700, width, maxLines, maxSize: 13, minSize: maxLines > 1 ? 8 : 6 } as const;
  canvas.text(value, { x, y: y + 11, color: INK }, box, 1.2);
}

function drawStub(canvas: Canvas, ticket: TicketDocument, index: number, link: string): void {
  const x = STUB + STUB_MARGIN;
  const line = { width: STUB_WIDTH, maxLines: 1 } as const;
  const label = { ...line, weight: 700, maxSize: 9, minSize: 7 } as const;
  canvas.text('TICKET', { x, y: 38, color: ACCENT, align: 'center' }, label);
  const count = `${index + 1} of ${ticket.codes.length}`;
  const large = { ...line, weight: 700, maxSize: 32, minSize: 12 } as const;
  canvas.text(count, { x, y: 50, color: PAPER, align: 'center' }, large);
  const type = { ...line, weight: 400, maxSize: 11, minSize: 6 } as const;
  canvas.text(ticket.event.ticketType, { x, y: 98, color: PALE, align: 'center' }, { ...type, maxLines: 2 });

  canvas.qr(link, x, 162, STUB_WIDTH);
  canvas.pdf.link(x, 162, STUB_WIDTH, STUB_WIDTH, link);
  const [first, second] = codeLines(ticket.codes[index] ?? '');
  const code = { ...line, weight: 700, maxSize: 9, minSize: 5 } as const;
  const below = canvas.text(first, { x, y: 166 + STUB_WIDTH, color: INK, align: 'center' }, code);
  canvas.text(second, { x, y: below, color: INK, align: 'center' }, code);
  const small = { ...line, weight: 400, maxSize: 7, minSize: 4 } as const;
  const hint = canvas.text(
    'Show this code at the entrance. It opens once.',
    { x, y: below + 16, color: MUTED, align: 'center' },
    small,
  );
  canvas.text(new URL(link).host, { x, y: hint, color: MUTED, align: 'center' }, small);
}

/** A long code in groups on two lines; the hyphen at the break is part of it. */
function codeLines(code: string): [string, string] {
  const groups = formatTicketCode(code).split('-');
  const [first, second] = [groups.slice(0, GROUPS_ON_FIRST_LINE), groups.slice(GROUPS_ON_FIRST_LINE)];
  return [first.join('-') + (second.length > 0 ? '-' : ''), second.join('-')];
}
