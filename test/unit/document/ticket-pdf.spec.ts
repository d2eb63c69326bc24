import fc from 'fast-check';
import { makeTicketCode } from '../../../src/booking/tickets/ticket-code.js';
import type { TicketDocument } from '../../../src/worker/document/document-renderer.js';
import { fontDirectory, Fonts } from '../../../src/worker/document/fonts.js';
import { PdfDocumentRenderer } from '../../../src/worker/document/pdf-document-renderer.js';
import { readPdf, type PdfPage } from './read-pdf.js';
import { scan } from './scan.js';

const renderer = new PdfDocumentRenderer(new Fonts(fontDirectory()), 'https://tickets.example.org');
const code = (n: number): string =>
  makeTicketCode(Buffer.from('a secret'), `0192f0c1-5b7a-7cde-8f01-${String(n).padStart(12, '0')}`);

const ticket: TicketDocument = {
  bookingId: '0192f0c1-5b7a-7cde-8f01-23456789abcd',
  event: {
    title: 'Night of the Long Echo',
    venue: 'Great Hall',
    ticketType: 'Standing',
    startsAt: '2027-06-12T18:00:00.000Z',
    timeZone: 'Europe/Berlin',
  },
  codes: [code(1)],
  holder: 'user-4711',
  price: { amountMinor: 4500, currency: 'EUR' },
  issuedAt: '2027-01-02T03:04:05.678Z',
};
const withEvent = (change: Partial<TicketDocument['event']>): TicketDocument => ({
  ...ticket,
  event: { ...ticket.event, ...change },
});

async function pagesOf(document: TicketDocument): Promise<PdfPage[]> {
  return readPdf(await renderer.renderTicket(document));
}

describe('a ticket', () => {
  it('says what, where, when in the time zone of the sale, for whom and at what price', async () => {
    const [page] = await pagesOf(ticket);
    for (const part of [
      'Night of the Long Echo',
      'Great Hall',
      'Standing',
      '12 June 2027',
      '20:00',
      'user-4711',
      '€45.00',
      '23456789ABCD',
      '1 of 1',
      'tickets.example.org',
    ]) {
      expect(page?.text).toContain(part);
    }
    expect(page?.text.replace(/-?\n/g, '-')).toContain(code(1).replace(/(.{6})(?=.)/g, '$1-'));
  });

  it('carries a QR code that a scanner reads as the address of its code', async () => {
    const [page] = await pagesOf(ticket);
    expect(page && scan(page)).toBe(`https://tickets.example.org/api/tickets/${code(1)}`);
  });

  it('has a page for each code, in order, each with its own QR code', async () => {
    const codes = [code(1), code(2), code(3)];
    const pages = await pagesOf({ ...ticket, codes });
    expect(pages.map(scan)).toEqual(codes.map((one) => `https://tickets.example.org/api/tickets/${one}`));
    expect(pages.map((page) => /\d of \d/.exec(page.text)?.[0])).toEqual(['1 of 3', '2 of 3', '3 of 3']);
  });

  it('is the same to the byte when it is rendered again, also beside others', async () => {
    const other = withEvent({ title: 'Something else entirely' });
    const [first] = await Promise.all([renderer.renderTicket(ticket), renderer.renderTicket(other)]);
    const [, second] = await Promise.all([renderer.renderTicket(other), renderer.renderTicket(ticket)]);
    expect(first.equals(second)).toBe(true);
  });

  it('embeds only the glyphs that it uses, and so stays small', async () => {
    const everyScript = 'Łódź Ελλάδα ἀρχή Ночь Ѣ नमस्ते Việt Nam';
    expect((await renderer.renderTicket(ticket)).length).toBeLessThan(30_000);
    expect((await renderer.renderTicket(withEvent({ title: everyScript }))).length).toBeLessThan(120_000);
  });

  it.each([
    ['Latin', 'Łódź, Győr, Škofja Loka, Þórshöfn'],
    ['Vietnamese', 'Đêm nhạc Việt Nam'],
    ['Cyrillic', 'Ночь джаза в Києві'],
    ['Greek', 'Ωμέγα ἀρχή'],
    ['Devanagari', 'नमन'],
    ['decomposed accents', 'Cafe\u0301'],
    ['currency signs', '€ £ ¥ ₹ ₫ ₴'],
  ])('can be read in %s', async (_, title) => {
    const [page] = await pagesOf(withEvent({ title, venue: 'x' }));
    const read = page?.text.replaceAll('\n', '').replaceAll(' ', '');
    expect(read).toContain(title.normalize('NFC').replaceAll(' ', ''));
  });

  it('shows a replacement character for each sign that the fonts lack, and the rest as it is', async () => {
    const [page] = await pagesOf(withEvent({ title: 'Echo 東京 👩‍👩‍👧' }));
    expect(page?.text).toContain('Echo \uFFFD\uFFFD \uFFFD');
  });

  it('keeps every text within its side of the page, whatever its length', async () => {
    const long = 'A Very Long Title '.repeat(30);
    for (const text of [long, 'W'.repeat(1000), 'é'.repeat(200)]) {
      const [page] = await pagesOf({
        ...withEvent({ title: text, venue: text, ticketType: text }),
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
      fc.asyncProperty(anyText, anyText, anyText, async (title, venue, holder) => {
        const pages = await pagesOf({ ...withEvent({ title, venue }), holder });
        expect(pages).toHaveLength(1);
      }),
      { numRuns: 40 },
    );
  });

  it('is refused without a code or with a time that is none', async () => {
    await expect(renderer.renderTicket({ ...ticket, codes: [] })).rejects.toThrow(TypeError);
    await expect(renderer.renderTicket({ ...ticket, issuedAt: 'yesterday' })).rejects.toThrow(TypeError);
  });
});

describe('the fonts', () => {
  it('are found from wherever the program is started, and missed with a clear message', () => {
    expect(fontDirectory([`${process.cwd()}/dist/src/main.js`])).toBe(fontDirectory());
    expect(() => fontDirectory(['/', undefined])).toThrow('@fontsource/noto-sans is not installed');
  });
});
