import type { Booking, StepName } from '../../booking/booking.js';
import type { Fulfilment } from '../../booking/ledger/types.js';

/** What a step left behind. */
export type StepOutcome =
  /** Recorded; the booking as it is now. Go on with the next step. */
  | { readonly kind: 'succeeded'; readonly booking: Booking }
  /** Somebody else was right, or the booking has left the way: nothing more to do in this job. */
  | { readonly kind: 'over' }
  /** The booking's state is another now, by what this step found out; nothing more to do in this job. */
  | { readonly kind: 'moved' };

/** One part of fulfilment. It throws what is worth a retry, and `PermanentFailure` for what is not. */
export interface Step {
  readonly name: StepName;
  run(fulfilment: Fulfilment, signal: AbortSignal): Promise<StepOutcome>;
}
