import fc from 'fast-check';
import { makeTicketCode } from '../../../src/booking/tickets/ticket-code.js';
import type { VoucherDocument } from '../../../src/worker/document/document-renderer.js';
import { fontDirectory, Fonts } from '../../../src/worker/document/fonts.js';
import { PdfDocumentRenderer } from '../../../src/worker/document/pdf-document-renderer.js';
import { readPdf, type PdfPage } from './read-pdf.js';
import { scan } from './scan.js';

const renderer = new PdfDocumentRenderer(new Fonts(fontDirectory()), 'https://tickets.example.org');
const code = (n: number): string =>
  makeTicketCode(Buffer.from('a secret'), `0192f0c1-5b7a-7cde-8f01-${String(n).padStart(12, '0')}`);

const voucher: VoucherDocument = {
  bookingId: '0192f0c1-5b7a-7cde-8f01-23456789abcd',
  stay: {
    title: 'The Golden Anchor',
    venue: 'Shore Road 12',
    roomType: 'Double, lake view',
    checkIn: '2027-03-27',
    checkOut: '2027-04-01',
    checkInTime: '15:00',
    checkOutTime: '11:00',
    timeZone: 'Europe/Berlin',
  },
  codes: [code(1)],
  holder: 'user-4711',
  price: { amountMinor: 54_000, currency: 'EUR' },
  issuedAt: '2027-01-02T03:04:05.678Z',
};
const withStay = (change: Partial<VoucherDocument['stay']>): VoucherDocument => ({
  ...voucher,
  stay: { ...voucher.stay, ...change },
});

async function pagesOf(document: VoucherDocument): Promise<PdfPage[]> {
  return readPdf(await renderer.renderVoucher(document));
}

describe('a voucher', () => {
  it('says which hotel and room, from when to when, for how many nights, for whom and at what price', async () => {
    const [page] = await pagesOf(voucher);
    for (const part of [
      'HOTEL VOUCHER',
      'The Golden Anchor',
      'Shore Road 12',
      'Double, lake view',
      'Saturday, 27 March 2027',
      'from 15:00',
      'Thursday, 1 April 2027',
      'until 11:00',
      // also where the clocks change between
      'NIGHTS\n5',
      'GUEST\nuser-4711',
      '€540.00',
      '23456789ABCD',
      '1 of 1',
      'tickets.example.org',
    ]) {
      expect(page?.text).toContain(part);
    }
    expect(page?.text).not.toMatch(/ticket(?!s\.example)/i);
    expect(page?.text.replace(/-?\n/g, '-')).toContain(code(1).replace(/(.{6})(?=.)/g, '$1-'));
  });

  it('has the days of the hotel’s calendar, whichever side of the date line it is on', async () => {
    for (const timeZone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      const [page] = await pagesOf(withStay({ timeZone }));
      expect(page?.text).toContain('27 March 2027');
      expect(page?.text).toContain('1 April 2027');
    }
  });

  it('has a page for each room, in order, each with a QR code that a scanner reads as the address of its code', async () => {
    const codes = [code(1), code(2), code(3)];
    const pages = await pagesOf({ ...voucher, codes });
    expect(pages.map(scan)).toEqual(codes.map((one) => `https://tickets.example.org/api/tickets/${one}`));
    expect(pages.map((page) => /\d of \d/.exec(page.text)?.[0])).toEqual(['1 of 3', '2 of 3', '3 of 3']);
  });

  it('is the same to the byte when it is rendered again, also beside others', async () => {
    const other = withStay({ title: 'Somewhere else entirely' });
    const [first] = await Promise.all([renderer.renderVoucher(voucher), renderer.renderVoucher(other)]);
    const [, second] = await Promise.all([renderer.renderVoucher(other), renderer.renderVoucher(voucher)]);
    expect(first.equals(second)).toBe(true);
    expect(first.length).toBeLessThan(30_000);
  });

  it('keeps every text within its side of the page, whatever its length', async () => {
    const long = 'A Very Long Title '.repeat(30);
    for (const text of [long, 'W'.repeat(1000)]) {
      const [page] = await pagesOf({
        ...withStay({ title: text, venue: text, roomType: text }),
        holder: text,
      });
      expect(page?.text).toContain('…');
      expect(page && scan(page)).toBe(`https://tickets.example.org/api/tickets/${code(1)}`);
      for (const { x } of page?.pieces ?? []) expect(x).toBeGreaterThanOrEqual(30);
      expect(page?.pieces.filter(({ x }) => x >= 380 && x < 398)).toEqual([]);
    }
  });

  it('is rendered, and never fails, whatever its texts are', async () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(anyText, anyText, anyText, async (title, roomType, holder) => {
        expect(await pagesOf({ ...withStay({ title, roomType }), holder })).toHaveLength(1);
      }),
      { numRuns: 20 },
    );
  });

  it('is refused without a code, or with a day or a time that is none', async () => {
    for (const wrong of [
      { ...voucher, codes: [] },
      { ...voucher, issuedAt: 'yesterday' },
      withStay({ checkIn: '2027-13-01' }),
      withStay({ checkOut: 'tomorrow' }),
    ]) {
      await expect(renderer.renderVoucher(wrong)).rejects.toThrow(TypeError);
    }
  });
});
