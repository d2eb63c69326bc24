/** Types and the table of states of a booking. Pure: no I/O, no framework. */

export const STATES = [
  'waiting',
  'held',
  'paying',
  'paid',
  'confirmed',
  'expired',
  'cancelled',
  'sold_out',
  'refunded',
] as const;
export type BookingState = (typeof STATES)[number];

/** Every transition that is legal. What is not here does not happen, in code or in SQL. */
export const TRANSITIONS: Readonly<Record<BookingState, readonly BookingState[]>> = {
  waiting: ['held', 'sold_out', 'cancelled'],
  held: ['paying', 'expired', 'cancelled'],
  paying: ['paid', 'held', 'expired', 'cancelled'],
  paid: ['confirmed', 'refunded'],
  confirmed: ['refunded'],
  expired: [],
  cancelled: [],
  sold_out: [],
  refunded: [],
};

/** No more is owed to or by the customer. */
export const SETTLED: ReadonlySet<BookingState> = new Set<BookingState>([
  'confirmed',
  'sold_out',
  'expired',
  'cancelled',
  'refunded',
]);

/** States whose units are set aside in `stock.held`. */
export const HOLDS_UNITS: ReadonlySet<BookingState> = new Set<BookingState>(['held', 'paying', 'paid']);

export const isLegal = (from: BookingState, to: BookingState): boolean => TRANSITIONS[from].includes(to);

export const STEPS = ['validate', 'payment', 'pdf', 'email', 'inventory'] as const;
export type StepName = (typeof STEPS)[number];

/** Percent of a booking's work that is done once the step has succeeded. */
export const PROGRESS: Readonly<Record<StepName, number>> = {
  validate: 0,
  payment: 20,
  pdf: 50,
  email: 80,
  inventory: 100,
};

/** An amount in minor units (cents) of an ISO 4217 currency. */
export interface Money {
  readonly amountMinor: number;
  readonly currency: string;
}

/** Who does a thing, and on whose request; written to the audit log. */
export interface Actor {
  readonly kind: 'customer' | 'operator' | 'service' | 'system';
  /** An opaque id; a service's is its name. */
  readonly id: string;
  /** Network address of the caller, where there is one. */
  readonly address?: string;
  readonly correlationId: string;
}

/** A booking as the ledger has it. Times are ISO 8601 in UTC, from the database's clock. */
export interface Booking {
  readonly id: string;
  readonly offerId: string;
  /** Number in the offer's line, from 1. */
  readonly seq: number;
  readonly customerId: string;
  readonly quantity: number;
  readonly state: BookingState;
  /** Why it is `cancelled`, `expired` or back in `held` (`PAYMENT_DECLINED`, `BY_CUSTOMER`, …). */
  readonly reason: string | null;
  readonly fence: number;
  /** The version of the line at which it last changed. */
  readonly version: number;
  readonly progress: number;
  /** While `held`: when the hold ends. */
  readonly deadline: string | null;
  /** For all its units together. */
  readonly price: Money;
  readonly email: string | null;
  readonly jobId: string;
  readonly correlationId: string;
  readonly acceptedAt: string;
  /** Position and estimated wait as they were answered on acceptance. */
  readonly acceptedPosition: number;
  readonly acceptedWaitSeconds: number;
  /** Of a hotel booking; null for tickets. */
  readonly stay: Stay | null;
}

/** The nights of a hotel booking. */
export interface Stay {
  /** `YYYY-MM-DD`: the first night. */
  readonly checkIn: string;
  /** `YYYY-MM-DD`: the day after the last night. */
  readonly checkOut: string;
  /** When the room can be had, ISO 8601. */
  readonly begins: string;
}

/** A booking's `fulfil` job has one id for life. */
export const fulfilJobId = (bookingId: string): string => `fulfil-${bookingId}`;

/** Where a booking can be seen, paid and fetched. */
export interface BookingLinks {
  readonly self: string;
  readonly payment: string;
  readonly ticket: string;
}

/** What a customer, a socket or a page is shown of one booking. */
export interface BookingSnapshot {
  readonly bookingId: string;
  readonly jobId: string;
  readonly offerId: string;
  readonly seq: number;
  readonly quantity: number;
  /** Of a hotel booking; null for tickets. */
  readonly stay: Stay | null;
  readonly state: BookingState;
  readonly reason: string | null;
  /** 1 is next; null once no longer waiting. */
  readonly position: number | null;
  /** Null once no longer waiting. */
  readonly estimatedWaitSeconds: number | null;
  /** Version of the line that this shows; send it back as `version` and never get an older one. */
  readonly version: number;
  readonly progress: number;
  readonly deadline: string | null;
  /** For all units together. */
  readonly price: Money;
  /** Codes of the tickets once issued. */
  readonly ticketCodes: readonly string[];
  readonly acceptedAt: string;
  readonly serverTime: string;
  readonly links: BookingLinks;
}
