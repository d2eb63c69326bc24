import type { Money } from '../../booking/booking.js';

/**
 * One try to charge a booking. The ledger has committed it before the provider hears of it, so every field is
 * the same on every repetition.
 */
export interface ChargeAttempt extends Money {
  /** The idempotency key: at most 200 characters, never used for another charge. */
  readonly key: string;
  readonly bookingId: string;
  /** What the booking's fence was when this attempt began. */
  readonly fence: number;
  /** The provider's token of a card or account; never its number. */
  readonly method: string;
}

export interface RefundRequest extends Money {
  /** The refund's own idempotency key. */
  readonly key: string;
  /** The key of the attempt whose money goes back. */
  readonly chargeKey: string;
}

/** The money is ours. Definite. */
export interface Captured {
  readonly kind: 'captured';
}
/** No money moved and none will under this key. Definite. */
export interface Declined {
  readonly kind: 'declined';
  /** The provider's code, such as `card_declined`; no personal data. */
  readonly reason: string;
}
/** The money may have been taken, or may yet be: `settle` tells. */
export interface Unknown {
  readonly kind: 'unknown';
}
/** No money moved, and the provider refuses this attempt should it arrive later. Definite. */
export interface Voided {
  readonly kind: 'voided';
}
/** The money is on its way to the customer. Definite, unless the bank sends it back: `refundStands` tells. */
export interface Refunded {
  readonly kind: 'refunded';
}
/** Accepted; ask again later with the same key. */
export interface RefundPending {
  readonly kind: 'refund_pending';
}

/** A charge as the provider has it in its own books. */
export interface ProviderCharge extends Money {
  readonly key: string;
  readonly bookingId: string;
  readonly state: 'captured' | 'declined' | 'voided';
  /** What has gone back to the customer, in minor units; refunds still pending are not in it. */
  readonly refundedMinor: number;
}

export interface ChargePage {
  readonly charges: readonly ProviderCharge[];
  /** Give it as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

/** The provider could not be asked or did not answer properly. What was asked for may have happened: repeat it. */
export class ProviderUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProviderUnavailable';
  }
}

/** What was asked for contradicts the provider's books: a mistake of ours, which no repetition heals. */
export class ProviderRefused extends Error {
  constructor(readonly reason: 'key_reused' | 'not_captured' | 'refund_exceeds_charge') {
    super(`The payment provider refused: ${reason}`);
    this.name = 'ProviderRefused';
  }
}

/**
 * The port to whoever moves the money, and its injection token.
 *
 * Every verb is idempotent by its key and may be repeated, at once or days later. Every verb rejects with
 * `ProviderUnavailable` (repeat it), `ProviderRefused` (do not) or, once `signal` is aborted, the signal's
 * reason; in the first and the last case what was asked for may have happened.
 */
export abstract class PaymentProvider {
  /** Takes the money once, however often it is called. A repetition reports what the first call did. */
  abstract charge(attempt: ChargeAttempt, signal: AbortSignal): Promise<Captured | Declined | Unknown>;

  /**
   * Makes the attempt definite: reports its outcome or, where the provider has none, voids it, so that a late
   * arrival is refused. Every later answer about this key is the same.
   */
  abstract settle(attempt: ChargeAttempt, signal: AbortSignal): Promise<Captured | Declined | Voided>;

  /** Gives back all or part of a captured charge, once per refund key. */
  abstract refund(refund: RefundRequest, signal: AbortSignal): Promise<Refunded | RefundPending>;

  /**
   * Whether the money of a refund that was reported as given is still on its way, or there: a bank may send it back
   * weeks later. Where it is not, `refund` gives it again. Asks, and moves nothing.
   */
  abstract refundStands(refund: RefundRequest, signal: AbortSignal): Promise<boolean>;

  /**
   * The provider's own records of charges made here, in the provider's order: `after` is a previous page's `next`, or
   * null to begin. A page may hold fewer than `limit`, or none. A charge that begins while pages are read may be
   * missing: compare with what the ledger knew before.
   */
  abstract charges(page: { readonly after: string | null; readonly limit: number }): Promise<ChargePage>;

  /** Erases what stands here, and not at a bank of its own, of what these charges were paid with. Amounts stay. */
  abstract forget(chargeKeys: readonly string[]): Promise<void>;

  /** Disconnects. Idempotent. */
  abstract close(): Promise<void>;
}
