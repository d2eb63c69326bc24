import type { Told } from './told.js';

/**
 * Who keeps bookings that are confirmed. Also its own injection token: the ledger where nobody else is configured, and
 * beside it a remote booking service, which is told.
 */
export abstract class BookingRegister {
  /** Null where nobody needs to be told. */
  abstract readonly told: Told | null;
}

/** The ledger alone. */
export class LedgerBookingRegister extends BookingRegister {
  override readonly told = null;
}
