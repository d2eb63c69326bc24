import { AppError } from '../common/errors.js';
import { within } from '../common/within.js';
import type { QueueType } from '../config/config.js';
import { BrokerError, type BrokerErrorCode } from '../queue/broker-error.js';
import type { ConsumerActivity, JobQueue, QueueCounts, QueueFigures } from '../queue/job-queue.js';
import type { Notifier } from '../realtime/notifier.js';
import type { AdmissionHints } from './admission-hints.js';
import { fulfilJobId, type Actor, type Booking, type BookingState, type Money } from './booking.js';
import { digest } from './digest.js';
import { forgetCustomer } from './erasure.js';
import type { Ledger } from './ledger/ledger.js';
import type { AuditHead } from './ledger/audit.js';
import type { AuditFilter, AuditPage } from './ledger/audit-pages.js';
import type { DeadLetter, InvariantReport, Moved, ProviderCharge, RequestKey } from './ledger/types.js';

/** The queue as operators see it: of the same shape whatever it runs on. */
export interface QueueReport extends QueueCounts, QueueFigures {
  /** `QUEUE_TYPE`. */
  readonly type: QueueType;
  /** What this very process consumes; the other processes' consumers are counted in `workers`. */
  readonly consumers: readonly ConsumerActivity[];
}

/** The provider's own records, page by page; how the operator's service reaches them. */
export abstract class ChargeBooks {
  abstract pages(): AsyncIterable<readonly ProviderCharge[]>;
}

/** What an operator asks for in giving a booking back. */
export interface RefundRequest {
  /** A code, kept for good and shown to the customer; by default `BY_OPERATOR`. */
  readonly reason?: string;
  /** Also where a ticket of it has let somebody in. */
  readonly force?: boolean;
}

/** What became of a booking that was given back: the same however often it is asked for under one key. */
export interface RefundAnswer {
  readonly bookingId: string;
  readonly offerId: string;
  readonly state: BookingState;
  readonly reason: string | null;
  readonly quantity: number;
  /** What the customer gets back; the provider is asked until it has done so. */
  readonly amount: Money;
  /** Of the line, by which its units are back on sale. */
  readonly version: number;
}

const REFUND_ROUTE = 'POST /api/admin/bookings/refund';
const EXPORT_PAGE = 1000;
/** An operator who asks about the queue is told so soon that it does not answer. */
const QUEUE_ANSWERS_MS = 1500;

/** What operators see and decide. */
export class OperatorService {
  constructor(
    private readonly ledger: Ledger,
    private readonly books: ChargeBooks,
    private readonly queueType: QueueType,
    private readonly jobs: JobQueue,
    private readonly notifier: Notifier,
    private readonly hints: AdmissionHints,
    private readonly failed: (error: unknown) => void,
  ) {}

  deadLetters(
    state: DeadLetter['state'] | null,
    before: string | null,
    limit: number,
  ): Promise<DeadLetter[]> {
    return this.ledger.deadLetters(state, before, limit);
  }

  /** @throws AppError DEAD_LETTER_NOT_FOUND, DEAD_LETTER_RESOLVED, IDEMPOTENCY_KEY_REUSED */
  async replay(id: string, idempotencyKey: string | null, actor: Actor): Promise<DeadLetter> {
    const resolved = known(
      await this.ledger.resolveDeadLetter(id, 'replayed', keyOf('replay', id, idempotencyKey, actor), actor),
    );
    const { bookingId } = resolved.letter;
    const data = { bookingId, fence: resolved.fence, correlationId: resolved.correlationId };
    await this.attempt(
      this.jobs.publish([{ jobId: fulfilJobId(bookingId), type: 'booking.fulfil', data, priority: 'high' }]),
    );
    await this.attempt(this.jobs.deadLetters.remove(fulfilJobId(bookingId)));
    return resolved.letter;
  }

  /** @throws AppError DEAD_LETTER_NOT_FOUND, DEAD_LETTER_RESOLVED, IDEMPOTENCY_KEY_REUSED */
  async discard(id: string, idempotencyKey: string | null, actor: Actor): Promise<DeadLetter> {
    const resolved = known(
      await this.ledger.resolveDeadLetter(
        id,
        'discarded',
        keyOf('discard', id, idempotencyKey, actor),
        actor,
      ),
    );
    if (resolved.moved !== null) this.announce(resolved.moved);
    await this.attempt(this.jobs.deadLetters.remove(fulfilJobId(resolved.letter.bookingId)));
    return resolved.letter;
  }

  /**
   * paid or confirmed → refunded, whatever its terms say: the money goes back, the tickets are void, the next in line
   * is served.
   * @throws AppError BOOKING_NOT_FOUND, NOT_PAID, PAYMENT_IN_PROGRESS, ALREADY_SETTLED, TICKET_ALREADY_REDEEMED,
   * IDEMPOTENCY_KEY_REUSED
   */
  async refund(
    bookingId: string,
    request: RefundRequest,
    idempotencyKey: string | null,
    actor: Actor,
  ): Promise<RefundAnswer> {
    const { reason = 'BY_OPERATOR', force = false } = request;
    const key =
      idempotencyKey === null
        ? null
        : {
            customerId: `operator:${actor.id}`,
            route: REFUND_ROUTE,
            key: idempotencyKey,
            bodyHash: digest([bookingId, reason, force]),
          };
    const refunded = await this.ledger.refund(bookingId, reason, force, key, actor);
    const [booking] = refunded?.bookings ?? [];
    if (refunded === null || booking === undefined) throw new AppError('BOOKING_NOT_FOUND');
    this.announce(refunded);
    if (refunded.letter) await this.attempt(this.jobs.deadLetters.remove(fulfilJobId(bookingId)));
    const { id, offerId, state, quantity, price, version } = booking;
    return { bookingId: id, offerId, state, reason: booking.reason, quantity, amount: price, version };
  }

  /** @throws AppError QUEUE_UNAVAILABLE within two seconds, whatever the broker does */
  async queue(): Promise<QueueReport> {
    const consumers = this.jobs.activity();
    try {
      const [figures, counts] = await within(
        QUEUE_ANSWERS_MS,
        Promise.all([this.jobs.figures(), this.jobs.counts()]),
        () => new Error(`no answer within ${QUEUE_ANSWERS_MS} ms`),
      );
      const { technology, version, channels, workers } = figures;
      return { technology, type: this.queueType, version, ...counts, channels, workers, consumers };
    } catch (error) {
      const reason: BrokerErrorCode = error instanceof BrokerError ? error.code : 'BROKER_UNREACHABLE';
      throw new AppError('QUEUE_UNAVAILABLE', undefined, { reason, retryAfterSeconds: 1 }, { cause: error });
    }
  }

  invariants(): Promise<InvariantReport> {
    return this.ledger.invariants(this.books.pages());
  }

  audit(filter: AuditFilter): Promise<AuditPage> {
    return this.ledger.auditPage(filter);
  }

  /**
   * Forgets a customer. Gives the number of their bookings.
   * @throws AppError BOOKINGS_OPEN, UNAVAILABLE
   */
  async erase(customerId: string, actor: Actor): Promise<{ bookings: number }> {
    return { bookings: await forgetCustomer(this.ledger, customerId, actor) };
  }

  /** Where its chain stands: to be kept elsewhere. */
  auditHead(): Promise<AuditHead> {
    return this.ledger.auditHead();
  }

  /**
   * Every booking as a line of JSON, offer by offer in the order of their lines; a page at a time, and the next one
   * only once this one was taken.
   * @param after the booking that an export which was broken off ended with
   * @throws AppError BOOKING_NOT_FOUND before the first line, where there is no such booking
   */
  async exportLines(
    offerId: string | null,
    after: string | null,
    actor: Actor,
  ): Promise<AsyncIterable<string>> {
    const first = await this.ledger.exportBookings(offerId, after, EXPORT_PAGE);
    await this.ledger.noteOperation('export', null, actor, { offerId, after });
    return this.linesFrom(first, offerId);
  }

  private async *linesFrom(first: readonly Booking[], offerId: string | null): AsyncGenerator<string> {
    for (let page = first; ;) {
      if (page.length > 0) yield page.map((booking) => `${JSON.stringify(booking)}\n`).join('');
      const last = page.at(-1);
      if (last === undefined || page.length < EXPORT_PAGE) return;
      page = await this.ledger.exportBookings(offerId, last.id, EXPORT_PAGE);
    }
  }

  private announce(moved: Moved): void {
    this.notifier.bookings(moved.bookings);
    this.notifier.line(moved.line);
    this.hints.changed(moved.line);
  }

  /** The broker's part of a decision that the ledger has taken already: re-driving makes up for it. */
  private async attempt(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.failed(error);
    }
  }
}

/** @throws Error when the work takes longer; what it comes to later is nobody's any more */
function known<T>(value: T | null): T {
  if (value === null) throw new AppError('DEAD_LETTER_NOT_FOUND');
  return value;
}

function keyOf(verb: string, id: string, key: string | null, actor: Actor): RequestKey | null {
  if (key === null) return null;
  const route = `POST /api/admin/dead-letters/${verb}`;
  return { customerId: `operator:${actor.id}`, route, key, bodyHash: digest([id]) };
}
