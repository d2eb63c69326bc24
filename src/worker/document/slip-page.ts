import { formatTicketCode } from '../../booking/tickets/ticket-code.js';
import { formatDate, formatTime } from '../../common/format.js';
import type { Canvas } from './canvas.js';
import type { Slip } from './document-renderer.js';
import type { TextBox } from './text-layout.js';

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

/** The part of the page below the band, left of the stub: its whole width, or one of two columns. */
const COLUMN_GAP = 16;
const COLUMN_WIDTH = (MAIN_WIDTH - COLUMN_GAP) / 2;
export const COLUMNS = {
  both: { x: MARGIN, width: MAIN_WIDTH },
  left: { x: MARGIN, width: COLUMN_WIDTH },
  right: { x: MARGIN + COLUMN_WIDTH + COLUMN_GAP, width: COLUMN_WIDTH },
} as const;

/** The page itself: the band at the top and the line along which the stub is torn off. */
export function drawFrame({ pdf }: Canvas): void {
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

/** On the band: what this paper is, and what it is for. */
export function drawHeading(canvas: Canvas, paper: string, title: string): void {
  const label = { weight: 700, width: MAIN_WIDTH, maxLines: 1, maxSize: 9, minSize: 6 } as const;
  const y = canvas.text(paper, { x: MARGIN, y: 24, color: ACCENT }, label);
  const box = { weight: 700, width: MAIN_WIDTH, maxLines: 4, maxSize: 26, minSize: 12 } as const;
  const { size, lines } = canvas.fit(title, box);
  const room = BAND - y - 10;
  const top = y + Math.max(0, (room - lines.length * size * 1.2) / 2);
  canvas.text(title, { x: MARGIN, y: top, color: PAPER }, box, 1.2);
}

interface FactBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly maxLines?: number;
  /** In points; absent: as large as facts are. */
  readonly maxSize?: number;
}

const FACT_SIZE = 13;

/** A label with its value below it. */
export function drawFact(canvas: Canvas, label: string, value: string, { x, y, ...room }: FactBox): void {
  const { width } = room;
  canvas.text(label, { x, y, color: MUTED }, { weight: 700, width, maxLines: 1, maxSize: 7, minSize: 7 });
  canvas.text(value, { x, y: y + 11, color: INK }, valueBox(room), 1.2);
}

/** The largest size at which each of these fits on one line: facts side by side look alike. */
export const commonSize = (canvas: Canvas, values: readonly string[], width: number): number =>
  Math.min(...values.map((value) => canvas.fit(value, valueBox({ width })).size));

const valueBox = ({ width, maxLines = 1, maxSize = FACT_SIZE }: Omit<FactBox, 'x' | 'y'>): TextBox => ({
  weight: 700,
  width,
  maxLines,
  maxSize,
  minSize: maxLines > 1 ? 8 : 6,
});

/** Plain text that belongs to the fact above it. */
export function drawNote(canvas: Canvas, text: string, { x, y, width }: FactBox): void {
  canvas.text(text, { x, y, color: INK }, { weight: 400, width, maxLines: 1, maxSize: 10, minSize: 6 });
}

/** The last group of the id: the first ones are time, alike for all who booked together. */
export const bookingNumber = ({ bookingId }: Slip): string => bookingId.slice(-12).toUpperCase();

/** At the foot of the page. */
export function drawIssued(canvas: Canvas, { issuedAt }: Slip, timeZone: string): void {
  const small = { weight: 400, width: MAIN_WIDTH, maxLines: 1, maxSize: 7, minSize: 5 } as const;
  const issued = `Issued ${formatDate(issuedAt, timeZone)}, ${formatTime(issuedAt, timeZone)}`;
  canvas.text(issued, { x: MARGIN, y: HEIGHT - 30, color: MUTED }, small);
}

export interface Stub {
  /** Of what this is one. */
  readonly unit: string;
  readonly type: string;
  readonly index: number;
  readonly codes: readonly string[];
  /** What the QR code says. */
  readonly link: string;
  readonly hint: string;
}

/** On the stub: which of how many, and the code to scan or to type. */
export function drawStub(canvas: Canvas, { unit, type, index, codes, link, hint }: Stub): void {
  const x = STUB + STUB_MARGIN;
  const line = { width: STUB_WIDTH, maxLines: 1 } as const;
  const label = { ...line, weight: 700, maxSize: 9, minSize: 7 } as const;
  canvas.text(unit, { x, y: 38, color: ACCENT, align: 'center' }, label);
  const large = { ...line, weight: 700, maxSize: 32, minSize: 12 } as const;
  canvas.text(`${index + 1} of ${codes.length}`, { x, y: 50, color: PAPER, align: 'center' }, large);
  const small = { ...line, weight: 400, maxSize: 7, minSize: 4 } as const;
  const kind = { ...line, weight: 400, maxSize: 11, minSize: 6, maxLines: 2 } as const;
  canvas.text(type, { x, y: 98, color: PALE, align: 'center' }, kind);

  canvas.qr(link, x, 162, STUB_WIDTH);
  canvas.pdf.link(x, 162, STUB_WIDTH, STUB_WIDTH, link);
  const [first, second] = codeLines(codes[index] ?? '');
  const code = { ...line, weight: 700, maxSize: 9, minSize: 5 } as const;
  const below = canvas.text(first, { x, y: 166 + STUB_WIDTH, color: INK, align: 'center' }, code);
  canvas.text(second, { x, y: below, color: INK, align: 'center' }, code);
  const hinted = canvas.text(hint, { x, y: below + 16, color: MUTED, align: 'center' }, small);
  canvas.text(new URL(link).host, { x, y: hinted, color: MUTED, align: 'center' }, small);
}

/** A long code in groups on two lines; the hyphen at the break is part of it. */
function codeLines(code: string): [string, string] {
  const groups = formatTicketCode(code).split('-');
  const [first, second] = [groups.slice(0, GROUPS_ON_FIRST_LINE), groups.slice(GROUPS_ON_FIRST_LINE)];
  return [first.join('-') + (second.length > 0 ? '-' : ''), second.join('-')];
}
