import { AppError } from '../../common/errors.js';
import { isId } from '../../common/ids.js';

/** The id of a path; what is no id names no booking. */
export function bookingId(text: string): string {
  const id = text.toLowerCase();
  if (!isId(id)) throw new AppError('BOOKING_NOT_FOUND');
  return id;
}
