import { Injectable } from '@nestjs/common';
import { AppError } from '../common/errors.js';
import { SocketAccess } from '../realtime/socket-ports.js';
import { Authenticator } from './authentication.js';
import { mayOpen, type Identity } from './identity.js';

/** Whose booking it is. A port: the ledger implements it. */
export abstract class BookingOwners {
  /** Null where there is no such booking. */
  abstract ownerOf(bookingId: string): Promise<string | null>;
}

/** The rules of G1 for a socket: a booking's room opens to its own token, its owner and operators. */
@Injectable()
export class TokenSocketAccess extends SocketAccess {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly owners: BookingOwners,
  ) {
    super();
  }

  override async mayWatch(token: string | null, bookingId: string): Promise<boolean> {
    const identity = token === null ? null : await this.identify(token);
    if (identity === null) return false;
    // The ledger is asked only where the answer depends on the owner.
    if (identity.kind !== 'customer') return mayOpen(identity, { id: bookingId, customerId: '' });
    const customerId = await this.owners.ownerOf(bookingId);
    return customerId !== null && mayOpen(identity, { id: bookingId, customerId });
  }

  private async identify(token: string): Promise<Identity | null> {
    try {
      return await this.authenticator.identify(token);
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAUTHENTICATED') return null;
      throw error;
    }
  }
}
