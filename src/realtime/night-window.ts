import { dateOf, dayNumber } from '../common/days.js';
import type { Stay } from '../booking/booking.js';
import type { NightCounts, StockCounts } from '../booking/ledger/types.js';

/**
 * The nights through which a line of rooms is seen, both ends included, as days since 1970-01-01. Stays compete only
 * where they share a night: for a booking, its line is made of those who share one with it.
 */
export type NightWindow = readonly [firstDay: number, lastDay: number];

/** `YYYY-MM-DD`: the first night, and the day after the last one. */
export type StayDates = Pick<Stay, 'checkIn' | 'checkOut'>;

/** What a booking sees of its line; null for tickets, who see all of it. */
export function windowOf(stay: StayDates | null): NightWindow | null {
  return stay === null ? null : [dayNumber(stay.checkIn), dayNumber(stay.checkOut) - 1];
}

export function datesOf(window: NightWindow | null): StayDates | null {
  return window === null ? null : { checkIn: dateOf(window[0]), checkOut: dateOf(window[1] + 1) };
}

/** Whether a stay shares a night with a window; null is the whole line. */
export const sharesNight = (window: NightWindow | null, firstDay: number, lastDay: number): boolean =>
  window === null || (firstDay <= window[1] && lastDay >= window[0]);

/** A name for a line as it is seen; no id of an offer has the character that sets the nights off. */
export const lineKey = (offerId: string, window: NightWindow | null): string =>
  window === null ? offerId : `${offerId}\0${window[0]}-${window[1]}`;

/**
 * The units of these nights as one stay over all of them sees them: `available` could be held, and
 * `capacity - sold` could still be had, by somebody who needs every night. As for tickets,
 * `capacity = available + held + sold`.
 */
export function stockOver(
  nights: ReadonlyMap<number, NightCounts>,
  [firstDay, lastDay]: NightWindow,
): StockCounts {
  let capacity = Infinity;
  let available = Infinity;
  let unsold = Infinity;
  for (let day = firstDay; day <= lastDay; day += 1) {
    const [, ofNight, free, , sold] = nights.get(day) ?? NOTHING;
    capacity = Math.min(capacity, ofNight);
    available = Math.min(available, free);
    unsold = Math.min(unsold, ofNight - sold);
  }
  return { capacity, available, held: unsold - available, sold: capacity - unsold };
}

/** A night that is over, or was never on sale. */
const NOTHING: NightCounts = [0, 0, 0, 0, 0];
