import { whenThere, type AtOnce } from '../common/at-once.js';
import { AppError } from '../common/errors.js';
import type { Ids } from '../common/ids.js';
import type { JobQueue } from '../queue/job-queue.js';
import type { Notifier } from '../realtime/notifier.js';
import { mayOpen, type Identity } from '../security/identity.js';
import type { Acceptances } from './acceptance.js';
import type { AdmissionHints } from './admission-hints.js';
import { fulfilJobId, type Actor, type Booking, type BookingSnapshot, type BookingState } from './booking.js';
import { digest } from './digest.js';
import type { BookingWithTickets } from './ledger/bookings.js';
import type { Ledger } from './ledger/ledger.js';
import type { Acceptance, AcceptRequest, Moved } from './ledger/types.js';
import { nightsOf } from './nights.js';
import type { OfferDirectories } from './offers/offer-directory.js';
import type { Snapshots } from './snapshots.js';

interface AnyRequest {
  readonly userId: string;
  readonly email?: string;
  readonly paymentMethod?: string;
}

/** A request for tickets, checked and complete. */
export interface TicketRequest extends AnyRequest {
  readonly eventId: string;
  readonly ticketType?: string;
  readonly quantity?: number;
}

/** A request for rooms; that its days exist and follow one another is looked at here. */
export interface StayRequest extends AnyRequest {
  readonly hotelId: string;
  readonly roomType?: string;
  /** `YYYY-MM-DD`. */
  readonly checkIn: string;
  readonly checkOut: string;
  readonly rooms?: number;
}

export type JoinRequest = TicketRequest | StayRequest;

/** Whose units are sold for good, but for a refund. */
const PAID_FOR: ReadonlySet<BookingState> = new Set<BookingState>(['paid', 'confirmed']);
/** What of a request says which units it is for. */
interface Asked {
  readonly offerId: AtOnce<string>;
  readonly quantity: number;
  /** What makes two requests the same, in a fixed order. */
  readonly members: readonly unknown[];
  readonly stay: AcceptRequest['stay'];
}

const PAYMENT_ROUTE = 'POST /api/bookings/payment';

/** What customers do with bookings. Who may is decided here; what happens, by the ledger. */
export class BookingService {
  constructor(
    private readonly ledger: Ledger,
    private readonly acceptances: Acceptances,
    private readonly offers: OfferDirectories,
    private readonly snapshots: Snapshots,
    private readonly queue: JobQueue,
    private readonly notifier: Notifier,
    private readonly hints: AdmissionHints,
    private readonly ids: Ids,
    private readonly failed: (error: unknown) => void,
  ) {}

  /**
   * Into the line; resolves after the commit. Throws, or rejects with, an `AppError` that has the code of the refusal.
   * @param isGone true once the client has hung up: the request is then dropped if its commit has not begun
   */
  accept(
    request: JoinRequest,
    idempotencyKey: string | null,
    actor: Actor,
    isGone: () => boolean,
  ): Promise<Acceptance> {
    const asked = 'hotelId' in request ? this.rooms(request) : this.tickets(request);
    const { userId, email = null, paymentMethod = null } = request;
    const bodyHash = idempotencyKey === null ? '' : digest([...asked.members, email, paymentMethod]);
    const enter = (offerId: string): Promise<Acceptance> =>
      this.acceptances.accept(
        {
          bookingId: this.ids.next(),
          offerId,
          customerId: userId,
          quantity: asked.quantity,
          stay: asked.stay,
          email,
          paymentMethod,
          idempotencyKey,
          bodyHash,
          actor,
        },
        isGone,
      );
    return whenThere(asked.offerId, enter);
  }

  private tickets({ eventId, ticketType, quantity = 1 }: TicketRequest): Asked {
    return {
      offerId: this.offers.events.resolve(eventId, ticketType),
      quantity,
      members: [eventId, ticketType ?? null, quantity],
      stay: undefined,
    };
  }

  private rooms({ hotelId, roomType, checkIn, checkOut, rooms = 1 }: StayRequest): Asked {
    const stay = nightsOf(checkIn, checkOut);
    return {
      offerId: this.offers.hotels.resolve(hotelId, roomType),
      quantity: rooms,
      members: ['stay', hotelId, roomType ?? null, checkIn, checkOut, rooms],
      stay,
    };
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

  /**
   * Leaves the line, gives a hold back, or gives back what was paid for, where its terms allow it.
   * @throws AppError BOOKING_NOT_FOUND, PAYMENT_IN_PROGRESS, ALREADY_SETTLED, NOT_REFUNDABLE,
   * TICKET_ALREADY_REDEEMED
   */
  async cancel(identity: Identity, bookingId: string, actor: Actor): Promise<BookingSnapshot> {
    const { booking } = await this.open(identity, bookingId);
    const moved = PAID_FOR.has(booking.state)
      ? await this.refund(bookingId, actor)
      : await this.ledger.cancel(bookingId, actor);
    const [cancelled] = moved?.bookings ?? [];
    if (moved === null || cancelled === undefined) throw new AppError('BOOKING_NOT_FOUND');
    this.announce(moved);
    return this.snapshotOf(cancelled);
  }

  private async refund(bookingId: string, actor: Actor): Promise<Moved | null> {
    const refunded = await this.ledger.refundByTerms(bookingId, actor);
    if (refunded?.letter === true) await this.attempt(this.queue.deadLetters.remove(fulfilJobId(bookingId)));
    return refunded;
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

  /**
   * The tickets, or the vouchers. That an operator took somebody's is written down.
   * @throws AppError BOOKING_NOT_FOUND, TICKET_NOT_READY
   */
  async document(identity: Identity, bookingId: string, actor: Actor): Promise<Buffer> {
    await this.open(identity, bookingId);
    const pdf = await this.ledger.documentOf(bookingId);
    if (pdf === null) throw new AppError('TICKET_NOT_READY');
    if (actor.kind === 'operator') await this.ledger.noteOperation('document.read', bookingId, actor, {});
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
  private publish({ id, fence, correlationId }: Booking): Promise<void> {
    const data = { bookingId: id, fence, correlationId };
    return this.attempt(this.queue.publish([{ jobId: fulfilJobId(id), type: 'booking.fulfil', data }]));
  }

  /** The broker's part of what the ledger has decided already. */
  private async attempt(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.failed(error);
    }
  }
}
