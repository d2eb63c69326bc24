import type { BookingState, StepName } from '../../../src/booking/booking.js';
import type { ReservationState } from '../../../src/booking/ledger/reservations.js';

/** The first and the last night of a stay, from 1. Tickets are all of one day. */
export type Nights = readonly [first: number, last: number];
export const THE_DAY: Nights = [1, 1];

/** A booking as the model has it. */
export interface ModelBooking {
  readonly nights: Nights;
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

/** Units that another system sells, as the model has them. */
export interface ModelReservation {
  readonly quantity: number;
  readonly nights: Nights;
  readonly fence: number;
  readonly state: ReservationState;
}

/** What another system tells of one of its bookings, by number. */
export interface ModelTelling extends ModelReservation {
  readonly theirs: number;
}

export interface Rules {
  /** Of each night. */
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
  readonly nights: Nights;
}

/** States whose units are set aside or sold. */
export const OWNED: readonly BookingState[] = ['held', 'paying', 'paid', 'confirmed'];
/** States that a booking can leave before money is taken. */
export const LEAVES: readonly BookingState[] = ['waiting', 'held', 'paying'];
export const units = (bookings: readonly Pick<ModelBooking, 'quantity'>[]): number =>
  bookings.reduce((sum, b) => sum + b.quantity, 0);
