import { formatDay, formatMoney } from '../../common/format.js';
import { nightsOf } from '../booked.js';
import type { Canvas } from './canvas.js';
import type { VoucherDocument } from './document-renderer.js';
import {
  bookingNumber,
  COLUMNS,
  commonSize,
  drawFact,
  drawFrame,
  drawHeading,
  drawIssued,
  drawNote,
  drawStub,
} from './slip-page.js';

/** Of the left column, for a number of nights. */
const NIGHTS_WIDTH = 48;

/** One page, laid out as a ticket's: the hotel and the stay on the left, one room's code on the stub. */
export function drawVoucherPage(canvas: Canvas, voucher: VoucherDocument, index: number, link: string): void {
  const { stay, codes } = voucher;
  canvas.pdf.addPage();
  drawFrame(canvas);
  drawHeading(canvas, 'HOTEL VOUCHER', stay.title);
  drawFacts(canvas, voucher);
  drawIssued(canvas, voucher, stay.timeZone);
  const hint = 'Show this code at the reception. It checks in once.';
  drawStub(canvas, { unit: 'ROOM', type: stay.roomType, index, codes, link, hint });
}

function drawFacts(canvas: Canvas, voucher: VoucherDocument): void {
  const { stay, holder, price } = voucher;
  const { both, left, right } = COLUMNS;
  const [checkIn, checkOut] = [formatDay(stay.checkIn), formatDay(stay.checkOut)];
  const maxSize = commonSize(canvas, [checkIn, checkOut], left.width);
  drawFact(canvas, 'CHECK-IN', checkIn, { ...left, y: 172, maxSize });
  drawNote(canvas, `from ${stay.checkInTime}`, { ...left, y: 200 });
  drawFact(canvas, 'CHECK-OUT', checkOut, { ...right, y: 172, maxSize });
  drawNote(canvas, `until ${stay.checkOutTime}`, { ...right, y: 200 });
  drawFact(canvas, 'HOTEL', stay.venue, { ...both, y: 226, maxLines: 2 });
  const nights = { x: right.x, width: NIGHTS_WIDTH };
  const rest = { x: right.x + NIGHTS_WIDTH, width: right.width - NIGHTS_WIDTH };
  drawFact(canvas, 'ROOM', stay.roomType, { ...left, y: 278, maxLines: 2 });
  drawFact(canvas, 'NIGHTS', String(nightsOf(stay)), { ...nights, y: 278 });
  drawFact(canvas, 'PRICE', formatMoney(price), { ...rest, y: 278 });
  drawFact(canvas, 'GUEST', holder, { ...left, y: 328, maxLines: 2 });
  drawFact(canvas, 'BOOKING', bookingNumber(voucher), { ...right, y: 328 });
}
