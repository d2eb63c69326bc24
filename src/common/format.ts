/** Amounts and times as a person reads them: in English, in the time zone of the sale. Pure. */

/**
 * Currencies whose minor unit is not a hundredth, by ISO 4217. `Intl` cannot be asked: its digits are for
 * display, and for some currencies (the forint, say) fewer than the minor unit has.
 */
const MINOR_DIGITS: ReadonlyMap<string, number> = new Map([
  ...['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV'].map(
    digits(0),
  ),
  ...['XAF', 'XOF', 'XPF'].map(digits(0)),
  ...['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map(digits(3)),
  ...['CLF', 'UYW'].map(digits(4)),
]);

function digits(count: number) {
  return (currency: string): [string, number] => [currency, count];
}

/** Decimals of the minor unit, by ISO 4217. */
export const minorDigits = (currency: string): number => MINOR_DIGITS.get(currency) ?? 2;

/** `€45.00`, `¥5,000`, `BHD 1.250`. Takes minor units and an ISO 4217 code. */
export function formatMoney(money: { readonly amountMinor: number; readonly currency: string }): string {
  const fraction = minorDigits(money.currency);
  const format = remembered(
    `money ${money.currency}`,
    () =>
      new Intl.NumberFormat('en', {
        style: 'currency',
        currency: money.currency,
        minimumFractionDigits: fraction,
        maximumFractionDigits: fraction,
      }),
  );
  return format.format(money.amountMinor / 10 ** fraction);
}

/** `Saturday, 12 June 2027`. Takes ISO 8601 and an IANA time zone. */
export const formatDate = (instant: string, timeZone: string): string =>
  format(instant, { timeZone, weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** `Saturday, 12 June 2027`. Takes a day of the calendar, `2027-06-12`: it is the same wherever one reads it. */
export const formatDay = (day: string): string => formatDate(`${day}T00:00:00Z`, 'UTC');

/** `20:00 CEST`. */
export const formatTime = (instant: string, timeZone: string): string =>
  format(instant, { timeZone, hour: '2-digit', minute: '2-digit', timeZoneName: 'short' });

/** `20:00:15 CEST`: a deadline two minutes ahead needs its seconds. */
export const formatTimeToTheSecond = (instant: string, timeZone: string): string =>
  format(instant, {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });

function format(instant: string, options: Intl.DateTimeFormatOptions): string {
  const date = remembered(JSON.stringify(options), () => new Intl.DateTimeFormat('en-GB', options));
  return date.format(new Date(instant));
}

/** To make a formatter costs a thousand times what it costs to use it; a house has few currencies and time zones. */
const MAX_REMEMBERED = 200;
const formatters = new Map<string, Formatter>();
type Formatter = Intl.NumberFormat | Intl.DateTimeFormat;

function remembered<T extends Formatter>(key: string, make: () => T): T {
  const known = formatters.get(key);
  if (known !== undefined) return known as T;
  if (formatters.size >= MAX_REMEMBERED) formatters.clear();
  const made = make();
  formatters.set(key, made);
  return made;
}
