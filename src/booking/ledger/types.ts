import type { Actor, Booking, BookingState, Money, Stay, StepName } from '../booking.js';
import type { ErrorCode, ErrorDetails } from '../../common/errors.js';

/** One request to join a line. Ids are made by the application, so that a batch can be sent again safely. */
export interface AcceptRequest {
  readonly bookingId: string;
  readonly offerId: string;
  readonly customerId: string;
  readonly quantity: number;
  readonly email: string | null;
  readonly paymentMethod: string | null;
  readonly idempotencyKey: string | null;
  /** Of a room offer: the nights, both included, as `YYYY-MM-DD`. None of tickets. */
  readonly stay?: { readonly firstNight: string; readonly lastNight: string } | undefined;
  /** SHA-256 of the canonical body, hex; compared where a key is used again. */
  readonly bodyHash: string;
  readonly actor: Actor;
}

/** The stored acceptance: for a repeated key the very numbers of the first answer. */
export interface Acceptance {
  readonly accepted: true;
  readonly bookingId: string;
  readonly offerId: string;
  readonly seq: number;
  readonly position: number;
  readonly estimatedWaitSeconds: number;
  readonly version: number;
  /** True where this very call put it into the line. */
  readonly fresh: boolean;
}
export interface Refusal {
  readonly accepted: false;
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
}
export type AcceptOutcome = Acceptance | Refusal;

/** What a batch did to the lines it touched. */
export interface LineChange {
  readonly offerId: string;
  readonly version: number;
  /** There is something to grant: an `admit` job is due. */
  readonly wantsAdmission: boolean;
}

export interface AcceptResult {
  /** In the order of the requests. */
  readonly outcomes: readonly AcceptOutcome[];
  readonly lines: readonly LineChange[];
}

/** The result of a verb that moved bookings of one line. */
export interface Moved {
  readonly bookings: readonly Booking[];
  readonly line: LineChange;
}

export interface Refunded extends Moved {
  /** It had an open dead letter, which is decided with it. */
  readonly letter: boolean;
}

export interface Admission extends Moved {
  /** The limit of one transaction was reached: call again. */
  readonly more: boolean;
}

/** One try to charge a booking. */
export interface Attempt {
  readonly bookingId: string;
  readonly fence: number;
  /** The idempotency key at the provider. */
  readonly providerKey: string;
  readonly amount: Money;
  readonly method: string;
  readonly state: 'started' | 'captured' | 'declined' | 'voided';
  /** ISO 8601, from the database's clock. */
  readonly startedAt: string;
  /** How long ago that was, in ms, by the database's clock. */
  readonly ageMs: number;
}

export type ChargeOutcome =
  | { readonly kind: 'captured' }
  | { readonly kind: 'declined'; readonly reason: string }
  | { readonly kind: 'voided' };

export interface Ticket {
  readonly ticketId: string;
  readonly code: string;
  /** 1 to quantity. */
  readonly number: number;
}

/** All that the worker needs to carry one booking on. */
export interface Fulfilment {
  readonly booking: Booking;
  readonly attempt: Attempt | null;
  readonly succeeded: ReadonlySet<StepName>;
  readonly offer: OfferFacts;
  readonly tickets: readonly Ticket[];
}

interface AnyOfferFacts {
  readonly id: string;
  readonly title: string;
  readonly venue: string;
  readonly timeZone: string;
}

export interface TicketFacts extends AnyOfferFacts {
  readonly kind: 'ticket';
  readonly eventId: string;
  readonly ticketType: string;
  /** ISO 8601. */
  readonly startsAt: string;
}

export interface RoomFacts extends AnyOfferFacts {
  readonly kind: 'room';
  readonly hotelId: string;
  readonly roomType: string;
  /** `HH:MM`, local. */
  readonly checkInTime: string;
  readonly checkOutTime: string;
}

/** What a ticket or a voucher says about its offer. */
export type OfferFacts = TicketFacts | RoomFacts;

/** When a booking that was paid for may be given back by its customer, for all that it cost. */
export interface Cancellation {
  readonly refundable: boolean;
  /** Hours before the event or the stay begins; null where nothing is refundable. */
  readonly untilHoursBeforeStart: number | null;
}

/** Numbers of units. `capacity = available + held + sold`. */
export interface StockCounts {
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
}

interface OfferRules {
  readonly price: Money;
  /** Of whoever is accepted from now on. */
  readonly cancellation: Cancellation;
  readonly opensAt: string | null;
  readonly closesAt: string | null;
  readonly paused: boolean;
  readonly holdSeconds: number;
  readonly limitPerCustomer: number;
  readonly maxQuantity: number;
  readonly waiting: number;
  readonly version: number;
}

export type TicketOffer = TicketFacts & OfferRules & { readonly stock: StockCounts };

/** The price is of one room for one night. */
export type RoomOffer = RoomFacts &
  OfferRules & {
    readonly minNights: number;
    readonly maxNights: number;
    /** The first and the last night that were ever put on sale, as `YYYY-MM-DD`. */
    readonly firstNight: string | null;
    readonly lastNight: string | null;
  };

export type Offer = TicketOffer | RoomOffer;

/** Units of a room offer for one night. */
export interface Night extends StockCounts {
  /** `YYYY-MM-DD`. */
  readonly night: string;
}

/** So many units for each of these nights, both included, as `YYYY-MM-DD`. */
export interface NightsOnSale {
  readonly from: string;
  readonly to: string;
  readonly capacity: number;
}

export interface NewOffer {
  readonly id: string;
  readonly eventId: string;
  readonly ticketType: string;
  readonly title: string;
  readonly venue: string;
  readonly timeZone: string;
  readonly startsAt: string;
  readonly price: Money;
  readonly capacity: number;
  readonly opensAt: string | null;
  readonly closesAt: string | null;
  readonly holdSeconds: number;
  readonly limitPerCustomer: number;
  readonly maxQuantity: number;
  /** Absent: not refundable. */
  readonly cancellation?: CancellationTerms;
}

export interface NewRoomOffer extends Omit<NewOffer, 'eventId' | 'ticketType' | 'startsAt' | 'capacity'> {
  readonly hotelId: string;
  readonly roomType: string;
  /** `HH:MM`, local. */
  readonly checkInTime: string;
  readonly checkOutTime: string;
  readonly minNights: number;
  readonly maxNights: number;
  readonly nights: readonly NightsOnSale[];
}

/** Without hours: until the event or the stay begins. */
export interface CancellationTerms {
  readonly refundable: boolean;
  readonly untilHoursBeforeStart?: number;
}

/** What is absent stays as it is; null removes. */
export interface OfferChange {
  readonly cancellation?: CancellationTerms;
  readonly title?: string;
  readonly venue?: string;
  readonly capacity?: number;
  readonly price?: Money;
  readonly opensAt?: string | null;
  readonly closesAt?: string | null;
  readonly paused?: boolean;
  readonly holdSeconds?: number;
  readonly limitPerCustomer?: number;
  readonly maxQuantity?: number;
  /** Of room offers alone. */
  readonly minNights?: number;
  readonly maxNights?: number;
  readonly nights?: readonly NightsOnSale[];
}

/** An idempotency key of a POST other than the acceptance. */
export interface RequestKey {
  readonly customerId: string;
  readonly route: string;
  readonly key: string;
  readonly bodyHash: string;
}

/** A run of consecutive numbers, both ends included. */
export type SeqRange = readonly [number, number];

/** The row of a line with its stock: everything that a view of it needs, in one snapshot. */
export interface LineState {
  readonly offerId: string;
  readonly version: number;
  /** The highest number given. */
  readonly lastSeq: number;
  /** No booking with a smaller number is waiting. */
  readonly front: number;
  readonly waiting: number;
  readonly holdSeconds: number;
  readonly grantsPerMinute: number;
  /** Of a room offer, all nights from today on together. */
  readonly stock: StockCounts;
  /** Of a room offer, by night from today on. */
  readonly nights: readonly NightCounts[] | null;
  readonly soldOut: { readonly throughSeq: number; readonly minQuantity: number } | null;
  readonly now: string;
}

/** Days since 1970-01-01, capacity, available, held, sold. */
export type NightCounts = readonly [
  day: number,
  capacity: number,
  available: number,
  held: number,
  sold: number,
];
/** Number of a waiting stay, its first and its last night as days since 1970-01-01. */
export type WaitingStay = readonly [seq: number, firstDay: number, lastDay: number];

/**
 * Who waits, as a difference or as a whole. With `departed`, every number above the reader's last one was
 * given since and waits, but for those departed.
 */
export type LineRead = {
  readonly state: LineState;
  /** Of a room offer: who waits of those who came since the reader's last number, or of all; else null. */
  readonly stays: readonly WaitingStay[] | null;
} & (
  | { readonly departed: readonly SeqRange[]; readonly waiting: null }
  | { readonly departed: null; readonly waiting: readonly SeqRange[] }
);

export interface DeadLetter {
  readonly id: string;
  readonly bookingId: string;
  readonly jobId: string;
  readonly jobType: string;
  readonly fence: number;
  readonly reason: string;
  readonly attempts: number;
  readonly state: 'open' | 'replayed' | 'discarded';
  readonly createdAt: string;
  readonly resolvedAt: string | null;
  readonly resolvedBy: string | null;
}

interface AnyTicketStatus {
  readonly code: string;
  readonly valid: boolean;
  readonly state: 'issued' | 'redeemed' | 'revoked';
  readonly bookingId: string;
  readonly number: number;
  readonly quantity: number;
  readonly title: string;
  /** When the event, or the stay, begins. */
  readonly startsAt: string;
  readonly redeemedAt: string | null;
}

/** Of a ticket, or of the voucher for one room. */
export type TicketStatus = AnyTicketStatus &
  (
    | { readonly kind: 'ticket'; readonly ticketType: string }
    | { readonly kind: 'room'; readonly roomType: string; readonly stay: Omit<Stay, 'begins'> }
  );

export interface AuditEvent {
  readonly id: string;
  readonly at: string;
  readonly offerId: string | null;
  readonly bookingId: string | null;
  readonly action: string;
  readonly fromState: BookingState | null;
  readonly toState: BookingState | null;
  readonly version: number | null;
  readonly ordinal: number | null;
  readonly actorKind: string;
  readonly actorId: string;
  readonly address: string | null;
  readonly correlationId: string | null;
  readonly detail: unknown;
}

/** One invariant of section F and what broke it. */
export interface InvariantResult {
  readonly ok: boolean;
  /** How many rows, transitions or charges were looked at. */
  readonly checked: number;
  /** At most 20, in words. */
  readonly violations: readonly string[];
  /** What holds with a reservation, in words. */
  readonly notes: readonly string[];
}
export type InvariantName = 'F1' | 'F2' | 'F3' | 'F4' | 'F5' | 'F6' | 'F7';
export type InvariantReport = Readonly<Record<InvariantName, InvariantResult>>;

/** The provider's own record of one charge, for joining money both ways. */
export interface ProviderCharge {
  readonly key: string;
  readonly state: 'captured' | 'declined' | 'voided';
  readonly amountMinor: number;
  readonly currency: string;
  readonly refundedMinor: number;
}
