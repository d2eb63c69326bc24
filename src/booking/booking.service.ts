import { AppError } from '../common/errors.js';
import type { Ids } from '../common/ids.js';
import type { JobQueue } from '../queue/job-queue.js';
import type { Notifier } from '../realtime/notifier.js';
import { mayOpen, type Identity } from '../security/identity.js';
import type { Acceptances } from './acceptance.js';
import type { AdmissionHints } from './admission-hints.js';
import { fulfilJobId, type Actor, type Booking, type BookingSnapshot } from './booking.js';
import { digest } from './digest.js';
import type { BookingWithTickets } from './ledger/bookings.js';
import type { Ledger } from './ledger/ledger.js';
import type { Acceptance, Moved } from './ledger/types.js';
import type { OfferDirectory } from './offers/offer-directory.js';
import type { Snapshots } from './snapshots.js';

/** A request for tickets, checked and complete. */
export interface TicketRequest {
  readonly userId: string;
  readonly eventId: string;
  readonly ticketType?: string;
  readonly quantity?: number;
  readonly email?: string;
  readonly paymentMethod?: string;
}

const PAYMENT_ROUTE = 'POST /api/bookings/payment';

/** What customers do with bookings. Who may is decided here; what happens, by the ledger. */
export class BookingService {
  constructor(
    private readonly ledger: Ledger,
    private readonly acceptances: Acceptances,
    private readonly offers: OfferDirectory,
    private readonly snapshots: Snapshots,
    private readonly queue: JobQueue,
    private readonly notifier: Notifier,
    private readonly hints: AdmissionHints,
    private readonly ids: Ids,
    private readonly failed: (error: unknown) => void,
  ) {}

  /**
   * Into the line; resolves after the commit.
   * @param isGone true once the client has hung up: the request is then dropped if its commit has not begun
   * @throws AppError with the code of the refusal
   */
  async accept(
    request: TicketRequest,
    idempotencyKey: string | null,
    actor: Actor,
    isGone: () => boolean,
  ): Promise<Acceptance> {
    const found = this.offers.resolve(request.eventId, request.ticketType);
    const quantity = request.quantity ?? 1;
    return this.acceptances.accept(
      {
        bookingId: this.ids.next(),
        offerId: typeof found === 'string' ? found : await found,
        customerId: request.userId,
        quantity,
        email: request.email ?? null,
        paymentMethod: request.paymentMethod ?? null,
        idempotencyKey,
        bodyHash: idempotencyKey === null ? '' : hashOf(request, quantity),
        actor,
      },
      isGone,
    );
  }

  /** @throws AppError BOOKING_NOT_FOUND, for what is absent and what is another's alike */
  async snapshot(identity: Identity, bookingId: string, atLeastVersion: number): Promise<BookingSnapshot> {
    return this.snapshots.from(await this.open(identity, bookingId), atLeastVersion);
  }

  /** A customer's own, newest first. */
  async list(customerId: string, before: string | null, limit: number): Promise<BookingSnapshot[]> {
    const found = await this.ledger.bookingsOf(customerId, before, limit);
    return Promise.all(found.map((item) => this.snapshots.from(item)));
  }

  /** @throws AppError BOOKING_NOT_FOUND, PAYMENT_IN_PROGRESS, ALREADY_SETTLED */
  async cancel(identity: Identity, bookingId: string, actor: Actor): Promise<BookingSnapshot> {
    await this.open(identity, bookingId);
    const moved = await this.ledger.cancel(bookingId, actor);
    const [cancelled] = moved?.bookings ?? [];
    if (moved === null || cancelled === undefined) throw new AppError('BOOKING_NOT_FOUND');
    this.announce(moved);
    return this.snapshotOf(cancelled);
  }

  /**
   * Starts a payment; a worker charges.
   * @throws AppError BOOKING_NOT_FOUND, NOT_HELD, HOLD_EXPIRED, PAYMENT_IN_PROGRESS, ALREADY_SETTLED,
   * IDEMPOTENCY_KEY_REUSED
   */
  async pay(
    identity: Identity,
    bookingId: string,
    method: string,
    idempotencyKey: string | null,
    actor: Actor,
  ): Promise<BookingSnapshot> {
    const { booking } = await this.open(identity, bookingId);
    const key =
      idempotencyKey === null
        ? null
        : {
            customerId: booking.customerId,
            route: PAYMENT_ROUTE,
            key: idempotencyKey,
            bodyHash: digest([bookingId, method]),
          };
    const moved = await this.ledger.pay(bookingId, method, key, actor);
    const [paying] = moved?.bookings ?? [];
    if (moved === null || paying === undefined) throw new AppError('BOOKING_NOT_FOUND');
    const snapshot = await this.snapshotOf(paying);
    // A key that is used again brings back the first answer: what the booking has become since is not undone for
    // those who watch.
    if (snapshot.version > paying.version) return snapshot;
    await this.publish(paying);
    this.announce(moved);
    return snapshot;
  }

  /** @throws AppError BOOKING_NOT_FOUND, TICKET_NOT_READY */
  async document(identity: Identity, bookingId: string): Promise<Buffer> {
    await this.open(identity, bookingId);
    const pdf = await this.ledger.documentOf(bookingId);
    if (pdf === null) throw new AppError('TICKET_NOT_READY');
    return pdf;
  }

  private async open(identity: Identity, bookingId: string): Promise<BookingWithTickets> {
    const found = await this.ledger.booking(bookingId);
    if (found === null || !mayOpen(identity, found.booking)) throw new AppError('BOOKING_NOT_FOUND');
    return found;
  }

  private announce(moved: Moved): void {
    this.notifier.bookings(moved.bookings);
    this.notifier.line(moved.line);
    this.hints.changed(moved.line);
  }

  private async snapshotOf(booking: Booking): Promise<BookingSnapshot> {
    const snapshot = await this.snapshots.of(booking.id, booking.version);
    if (snapshot === null) throw new AppError('BOOKING_NOT_FOUND');
    return snapshot;
  }

  /** A hint that is lost is made up for by `redrive_at`. */
  private async publish({ id, fence, correlationId }: Booking): Promise<void> {
    try {
      const data = { bookingId: id, fence, correlationId };
      await this.queue.publish([{ jobId: fulfilJobId(id), type: 'booking.fulfil', data }]);
    } catch (error) {
      this.failed(error);
    }
  }
}

const hashOf = (request: TicketRequest, quantity: number): string =>
  digest([
    request.eventId,
    request.ticketType ?? null,
    quantity,
    request.email ?? null,
    request.paymentMethod ?? null,
  ]);
