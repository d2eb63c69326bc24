import { dateOf, dayNumber } from '../common/days.js';
import { validationFailed, type FieldError } from '../common/problem.js';

/** The most nights of one stay, whatever its offer allows. */
export const MAX_NIGHTS = 60;

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
