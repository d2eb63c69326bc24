import { fromStripe, toStripe } from './stripe-amount.js';

describe('an amount as Stripe wants it', () => {
  it.each([
    ['EUR', 4500, 4500],
    ['JPY', 5000, 5000],
    ['KRW', 1, 1],
    ['HUF', 10_050, 10_050],
    ['TND', 1230, 1230],
    // whole units in ISO 4217, hundredths at Stripe
    ['ISK', 700, 70_000],
    ['UGX', 1, 100],
    // the other way round
    ['MGA', 900_000, 9000],
  ])('%s %i is %i', (currency, amountMinor, amount) => {
    expect(toStripe({ amountMinor, currency })).toEqual({ amount, currency: currency.toLowerCase() });
    expect(fromStripe(amount, currency.toLowerCase())).toEqual({ amountMinor, currency });
  });

  it.each([
    ['TND', 1235],
    ['MGA', 150],
  ])('%s %i, which cards cannot pay to the last unit, is none', (currency, amountMinor) => {
    expect(toStripe({ amountMinor, currency })).toBeNull();
  });
});
