import type { BookingState } from './booking.js';

/** A booking that was carried on, as the work left it. */
export interface WorkedBooking {
  readonly bookingId: string;
  readonly fence: number;
  readonly state: BookingState;
  readonly progress: number;
  /** Why its work ended before its end, where it failed; it is done again at its time. */
  readonly failure: unknown;
}

export interface LineWorkDone {
  readonly granted: number;
  readonly worked: readonly WorkedBooking[];
}

/** A worker's own work on one line, done when it is asked for. A port: roles without a worker have none. */
export abstract class LineWork {
  /**
   * Grants what the offer has to grant and carries on up to `max` of those that need nobody else; the rest is the
   * queue's. Null where there is no such offer.
   * @param signal ends the work where it can be taken up again
   */
  abstract process(offerId: string, max: number, signal: AbortSignal): Promise<LineWorkDone | null>;
}
