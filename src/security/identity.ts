import { AppError } from '../common/errors.js';

/** Who calls, as far as the call proves it. */
export type Identity =
  | { readonly kind: 'anonymous' }
  /** By JWT. */
  | { readonly kind: 'customer'; readonly userId: string }
  /** By JWT with the operator's role. */
  | { readonly kind: 'operator'; readonly userId: string }
  /** Another part of the house, by JWT with the service's role: for the gRPC calls that are made for services, and none else. */
  | { readonly kind: 'service'; readonly name: string }
  /** By the booking's own token, which opens this booking alone. */
  | { readonly kind: 'booking'; readonly bookingId: string };

export const ANONYMOUS: Identity = Object.freeze({ kind: 'anonymous' });

/** Who a booking is made for, and in which quality: what the audit log wants to know. */
export interface ActingAs {
  readonly kind: 'customer' | 'operator';
  readonly id: string;
}

/**
 * Whether this caller may book for this user. An operator may for anyone, at the counter or on the telephone.
 * @param required customers need a JWT (`Config.auth.required`)
 * @throws AppError `UNAUTHENTICATED`, `USER_MISMATCH`, or `FORBIDDEN` for a booking's token
 */
export function actingAs(identity: Identity, userId: string, required: boolean): ActingAs {
  switch (identity.kind) {
    case 'operator':
      return { kind: 'operator', id: identity.userId };
    case 'customer':
      if (identity.userId !== userId) throw new AppError('USER_MISMATCH');
      return { kind: 'customer', id: userId };
    case 'booking':
      throw new AppError('FORBIDDEN', 'The token of a booking opens this booking alone');
    case 'service':
      throw new AppError('FORBIDDEN', "A service books for nobody: it forwards its customer's token");
    case 'anonymous':
      if (required) throw new AppError('UNAUTHENTICATED');
      return { kind: 'customer', id: userId };
  }
}

/**
 * Whether this caller may see and change the booking: its owner, an operator, or its own token. For everybody
 * else it does not exist (`BOOKING_NOT_FOUND`).
 */
export function mayOpen(
  identity: Identity,
  booking: { readonly id: string; readonly customerId: string },
): boolean {
  switch (identity.kind) {
    case 'operator':
      return true;
    case 'customer':
      return identity.userId === booking.customerId;
    case 'booking':
      return identity.bookingId === booking.id;
    case 'service':
    case 'anonymous':
      return false;
  }
}
