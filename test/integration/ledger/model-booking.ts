import type { BookingState, StepName } from '../../../src/booking/booking.js';

/** A booking as the model has it. */
export interface ModelBooking {
  readonly seq: number;
  readonly position: number;
  readonly customer: number;
  readonly quantity: number;
  readonly prepaid: boolean;
  state: BookingState;
  fence: number;
  /** Whether the time to pay runs, or has run out. */
  time: 'none' | 'ahead' | 'over';
  readonly attempts: Map<number, 'started' | 'captured' | 'declined' | 'voided'>;
  readonly steps: Set<StepName>;
  /** Fences whose charge is given back. */
  readonly refunds: Set<number>;
  letter: 'none' | 'open' | 'resolved';
  /** Every state it came to, in order. */
  readonly history: BookingState[];
}

export interface Rules {
  readonly capacity: number;
  readonly limit: number;
  readonly maxLength: number;
  readonly maxQuantity: number;
}

export interface ModelRequest {
  readonly customer: number;
  readonly quantity: number;
  readonly prepaid: boolean;
  readonly key: number | null;
}
