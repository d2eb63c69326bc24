import type { IncomingMessage } from 'node:http';
import { AppError } from '../common/errors.js';
import { SnapshotReader, SocketAccess } from '../realtime/socket-ports.js';
import type { Authenticator } from '../security/authentication.js';
import type { CallLimits } from '../security/rate-limit/call-limits.js';
import { mayOpen, type Identity } from '../security/identity.js';
import type { BookingSnapshot } from './booking.js';
import type { Ledger } from './ledger/ledger.js';
import type { Snapshots } from './snapshots.js';

/** The rules of ownership for a socket: a booking's room opens to its own token, its owner and operators. */
export class BookingSocketAccess extends SocketAccess {
  constructor(
    private readonly ledger: Ledger,
    private readonly authenticator: Authenticator,
    private readonly limits: CallLimits,
    /** The client's address behind trusted proxies. */
    private readonly addressOf: (request: IncomingMessage) => string,
  ) {
    super();
  }

  override async admit(token: string | null, request: IncomingMessage): Promise<void> {
    if (token === null) throw new AppError('UNAUTHENTICATED');
    const caller = { ip: this.addressOf(request), socket: request.socket };
    await this.limits.identify(caller, `Bearer ${token}`);
  }

  override async mayWatch(token: string | null, bookingId: string): Promise<boolean> {
    const identity = token === null ? null : await this.identify(token);
    if (identity === null) return false;
    await this.limits.ofCustomer('customer-joins', identity);
    // The ledger is asked only where the answer depends on the owner.
    if (identity.kind !== 'customer') return mayOpen(identity, { id: bookingId, customerId: '' });
    const found = await this.ledger.booking(bookingId);
    return found !== null && mayOpen(identity, found.booking);
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

/** What the board shows of a booking. */
export class BookingSnapshotReader extends SnapshotReader {
  constructor(private readonly snapshots: Snapshots) {
    super();
  }

  override snapshot(bookingId: string, atLeastVersion: number): Promise<BookingSnapshot | null> {
    return this.snapshots.of(bookingId, atLeastVersion);
  }
}
