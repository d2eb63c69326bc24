import fc from 'fast-check';
import { formatDate, formatDay, formatMoney, formatTime, formatTimeToTheSecond } from './format.js';

describe('an amount', () => {
  it.each([
    [4500, 'EUR', '€45.00'],
    [5000, 'JPY', '¥5,000'],
    [1250, 'BHD', 'BHD\u00a01.250'],
    [123456, 'HUF', 'HUF\u00a01,234.56'],
    [5, 'USD', '$0.05'],
    [150000, 'INR', '₹1,500.00'],
    [123456, 'CLF', 'CLF\u00a012.3456'],
  ])('of %d minor units of %s is %s', (amountMinor, currency, text) => {
    expect(formatMoney({ amountMinor, currency })).toBe(text);
  });

  it('shows every minor unit, whatever the amount', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('EUR', 'JPY', 'BHD', 'HUF', 'CLF'), (amountMinor, currency) => {
        expect(Number(formatMoney({ amountMinor, currency }).replace(/\D/g, ''))).toBe(amountMinor);
      }),
    );
  });
});

describe('a time', () => {
  const instant = '2027-06-12T18:00:15.000Z';

  it('is that of the sale, not that of the server', () => {
    expect(formatTime(instant, 'Europe/Berlin')).toMatch(/^20:00 (CEST|GMT\+2)$/);
    expect(formatTime(instant, 'Asia/Kolkata')).toMatch(/^23:30 (IST|GMT\+5:30)$/);
    expect(formatTimeToTheSecond(instant, 'UTC')).toBe('18:00:15 UTC');
  });

  it('is left out where a day of the calendar is meant, the same on every server', () => {
    expect(formatDay('2027-06-12')).toMatch(/^Saturday,? 12 June 2027$/);
  });

  it('has the date of the sale too', () => {
    expect(formatDate(instant, 'Europe/Berlin')).toMatch(/^Saturday,? 12 June 2027$/);
    expect(formatDate(instant, 'Pacific/Auckland')).toMatch(/^Sunday,? 13 June 2027$/);
  });
});
