import { validationFailed, type FieldError } from '../common/problem.js';

const DAY_MS = 86_400_000;
/** The most nights of one stay, whatever its offer allows. */
export const MAX_NIGHTS = 60;

/** Days since 1970-01-01 of a date `YYYY-MM-DD`; NaN where there is no such day. */
export function dayNumber(date: string): number {
  const ms = Date.parse(`${date}T00:00:00Z`);
  // To some parsers the 30th of February is a day in March.
  return Number.isNaN(ms) || dateOf(ms / DAY_MS) !== date ? NaN : ms / DAY_MS;
}

/** The date `YYYY-MM-DD` of a day since 1970-01-01. */
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/**
 * The nights of a stay, both ends included; the last one is that before the departure.
 * @throws AppError VALIDATION_FAILED where a day does not exist, or there is no night, or too many
 */
export function nightsOf(checkIn: string, checkOut: string): { firstNight: string; lastNight: string } {
  const first = dayNumber(checkIn);
  const end = dayNumber(checkOut);
  const errors: FieldError[] = [];
  if (Number.isNaN(first)) errors.push({ field: 'checkIn', message: 'checkIn must be a day that exists' });
  if (Number.isNaN(end)) errors.push({ field: 'checkOut', message: 'checkOut must be a day that exists' });
  if (end <= first) errors.push({ field: 'checkOut', message: 'checkOut must be later than checkIn' });
  if (end - first > MAX_NIGHTS) {
    errors.push({
      field: 'checkOut',
      message: `checkOut must be at most ${MAX_NIGHTS} nights after checkIn`,
    });
  }
  if (errors.length > 0) throw validationFailed(errors);
  return { firstNight: checkIn, lastNight: dateOf(end - 1) };
}
