import type { Booking } from '../booking/booking.js';

/** A line and the version that it has reached. */
export interface LineHint {
  readonly offerId: string;
  readonly version: number;
}

/** Whether the line tells it: who waits, and of tickets who is sold out. Stays are sold out one by one. */
export const isToldByLine = ({ state, stay }: Booking): boolean =>
  state === 'waiting' || (state === 'sold_out' && stay === null);

/**
 * Tells whoever watches that something has changed, in every process. Called after commit, by api and worker.
 *
 * Fire and forget: it never throws, never delays its caller and may lose anything, since a client that asks
 * again sees the truth.
 */
export abstract class Notifier {
  /**
   * Bookings that moved, as they are now: each is pushed to its own sockets. For bookings without tickets.
   *
   * Those that wait are passed over (what moves them is the line), and of tickets those sold out too: one `line` event
   * tells them all, however many they are. Stays are sold out one by one, and told so.
   */
  abstract bookings(bookings: readonly Booking[]): void;

  /** As `bookings`, for one whose fulfilment moved on or that has tickets: with their codes. */
  abstract progress(booking: Booking, ticketCodes: readonly string[]): void;

  /** A line has a new version. */
  abstract line(hint: LineHint): void;

  /** False while nothing can be sent. */
  abstract readonly connected: boolean;

  /** Sends what is pending and disconnects. Idempotent. */
  abstract close(): Promise<void>;
}
