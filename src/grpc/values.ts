/** Words and values of the contract, without any library: for whoever speaks it at either end. */

/** Metadata with the code of a refusal, for whoever does not decode details. */
export const CODE_METADATA = 'fairline-code';

export interface Seconds {
  readonly seconds: number;
  readonly nanos: number;
}

/**
 * A google.protobuf.Timestamp.
 * @param iso as the ledger has times
 */
export function timestamp(iso: string): Seconds {
  const ms = Date.parse(iso);
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** A google.protobuf.Duration. */
export const duration = (seconds: number): Seconds => ({
  seconds: Math.floor(seconds),
  nanos: Math.round((seconds % 1) * 1e9),
});

/** A state of a booking, as `fairline.v1.BookingState` names it. */
export const stateName = (state: string): string => `BOOKING_STATE_${state.toUpperCase()}`;
