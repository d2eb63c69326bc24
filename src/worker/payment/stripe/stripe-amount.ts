import { minorDigits } from '../../../common/format.js';
import type { Money } from '../../../booking/booking.js';

/**
 * Stripe's own idea of the smallest unit, where it is not a hundredth. It differs from ISO 4217 for the króna and
 * the shilling of Uganda (hundredths at Stripe, whole units in ISO) and for the ariary (the other way round).
 */
const STRIPE_DIGITS: ReadonlyMap<string, number> = new Map([
  ...['BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV'].map(digits(0)),
  ...['XAF', 'XOF', 'XPF'].map(digits(0)),
  ...['BHD', 'JOD', 'KWD', 'OMR', 'TND'].map(digits(3)),
]);
const WHOLE_UNITS_ONLY: ReadonlySet<string> = new Set(['ISK', 'UGX']);

function digits(count: number) {
  return (currency: string): [string, number] => [currency, count];
}

const stripeDigits = (currency: string): number => STRIPE_DIGITS.get(currency) ?? 2;

/** As Stripe wants it; null for an amount that Stripe cannot charge to the last unit. */
export function toStripe({
  amountMinor,
  currency,
}: Money): { readonly amount: number; readonly currency: string } | null {
  const shift = 10 ** (stripeDigits(currency) - minorDigits(currency));
  const amount = shift >= 1 ? amountMinor * shift : amountMinor / Math.round(1 / shift);
  // The third decimal must be a zero: cards have two.
  const step = stripeDigits(currency) === 3 ? 10 : WHOLE_UNITS_ONLY.has(currency) ? 100 : 1;
  if (!Number.isSafeInteger(amount) || amount % step !== 0) return null;
  return { amount, currency: currency.toLowerCase() };
}

/** The other way round. May be a fraction where somebody else charged parts of our smallest unit. */
export function fromStripe(amount: number, currency: string): Money {
  const code = currency.toUpperCase();
  const shift = 10 ** (minorDigits(code) - stripeDigits(code));
  return { amountMinor: shift >= 1 ? amount * shift : amount / Math.round(1 / shift), currency: code };
}
