import { AppError } from '../common/errors.js';
import { within } from '../common/within.js';
import type { QueueType } from '../config/config.js';
import { BrokerError, type BrokerErrorCode } from '../queue/broker-error.js';
import type { ConsumerActivity, JobQueue, QueueCounts, QueueFigures } from '../queue/job-queue.js';
import type { Notifier } from '../realtime/notifier.js';
import type { AdmissionHints } from './admission-hints.js';
import { fulfilJobId, type Actor, type Booking } from './booking.js';
import { digest } from './digest.js';
import type { Ledger } from './ledger/ledger.js';
import type { AuditEvent, DeadLetter, InvariantReport, ProviderCharge, RequestKey } from './ledger/types.js';

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
    if (resolved.moved !== null) {
      this.notifier.bookings(resolved.moved.bookings);
      this.notifier.line(resolved.moved.line);
      this.hints.changed(resolved.moved.line);
    }
    await this.attempt(this.jobs.deadLetters.remove(fulfilJobId(resolved.letter.bookingId)));
    return resolved.letter;
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

  audit(filter: {
    offerId: string | null;
    bookingId: string | null;
    before: string | null;
    limit: number;
  }): Promise<AuditEvent[]> {
    return this.ledger.auditEvents(filter);
  }

  /** Every booking as a line of JSON, oldest first. */
  async *exportLines(offerId: string | null): AsyncGenerator<string> {
    let after: string | null = null;
    for (;;) {
      const page: Booking[] = await this.ledger.exportBookings(offerId, after, EXPORT_PAGE);
      if (page.length > 0) yield page.map((booking) => `${JSON.stringify(booking)}\n`).join('');
      const last = page.at(-1);
      if (last === undefined || page.length < EXPORT_PAGE) return;
      after = last.id;
    }
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
