import type { BookingSnapshot } from '../booking/booking.js';
import type { StayDates } from './night-window.js';

/**
 * Numbers of an offer's stock; of rooms as one stay over all nights of the event sees it: as much as the scarcest
 * night has. `capacity = available + held + sold`.
 */
export interface StockCounts {
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
}

/**
 * What every client of a line needs to place itself: computed once per line, not once per client. A line of rooms is
 * told by nights: to whoever waits for these nights, those who share none with them do not wait.
 */
export interface LineEvent {
  readonly offerId: string;
  /** Which bookings this is about: of rooms those for exactly these nights; null: of tickets, all. */
  readonly stay: StayDates | null;
  /** Version of the line; an event with a smaller one than the client has seen is to be ignored. */
  readonly version: number;
  /** No booking with a smaller `seq` is waiting. */
  readonly front: number;
  /** The highest `seq` given. */
  readonly last: number;
  readonly waiting: number;
  /** Departures are counted per bucket of so many consecutive `seq`. */
  readonly bucketSize: number;
  /**
   * `[bucket, departed]` for each bucket (`floor(seq / bucketSize)`) that reaches past the front and that some
   * have left: how many of its bookings with `seq >= front` wait no more.
   */
  readonly departed: readonly (readonly [number, number])[];
  /** 0 where it is not known, as for nights. */
  readonly grantsPerMinute: number;
  readonly stock: StockCounts;
  /** Every booking with `seq <= throughSeq` and `quantity >= minQuantity` that was waiting is sold out. Never of rooms. */
  readonly soldOut: { readonly throughSeq: number; readonly minQuantity: number } | null;
  readonly serverTime: string;
}

/** Server to client. */
export interface ServerEvents {
  line(event: LineEvent): void;
  booking(event: BookingSnapshot): void;
}

export type JoinAnswer =
  | { readonly ok: true; readonly snapshot: BookingSnapshot; readonly line: LineEvent }
  /** `code` is one of the catalogue in `common/errors.ts`. */
  | { readonly ok: false; readonly code: string; readonly title: string };

/** Client to server. */
export interface ClientEvents {
  /** `version`: the last one the client saw; the answer is never older. */
  join(request: { bookingId: string; version?: number }, answer: (reply: JoinAnswer) => void): void;
}
