import type { IncomingMessage } from 'node:http';
import type { BookingSnapshot } from '../booking/booking.js';

/** Who may watch what. Also its token. */
export abstract class SocketAccess {
  /**
   * Resolves where the bearer of this token (null: none) may open a socket at all, which shows nothing yet.
   * @param request that opens it
   * @throws AppError `UNAUTHENTICATED` where it is not good, `RATE_LIMITED` where too many of its address were not;
   *   `UNAVAILABLE` where that cannot be told for now
   */
  abstract admit(token: string | null, request: IncomingMessage): Promise<void>;

  /**
   * Whether the bearer of this token (the booking's own, or a JWT; null: none) may watch this booking. False too
   * where the token is not good. Need not know whether the booking exists.
   * @throws AppError `RATE_LIMITED` where its customer has joined too often
   */
  abstract mayWatch(token: string | null, bookingId: string): Promise<boolean>;
}

/** What a booking looks like now. Also its token. */
export abstract class SnapshotReader {
  /** Never older than this version of the line; null where there is no such booking. */
  abstract snapshot(bookingId: string, atLeastVersion: number): Promise<BookingSnapshot | null>;
}
