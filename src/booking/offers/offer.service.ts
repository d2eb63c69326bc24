import { randomBytes } from 'node:crypto';
import { AppError } from '../../common/errors.js';
import { isCleanText } from '../../common/text.js';
import type { Notifier } from '../../realtime/notifier.js';
import type { AdmissionHints } from '../admission-hints.js';
import type { Actor, Money } from '../booking.js';
import { digest } from '../digest.js';
import type { Ledger } from '../ledger/ledger.js';
import type { CancellationTerms, NewOffer, Offer, OfferChange } from '../ledger/types.js';

/** What an operator says of a new offer; the rest has defaults. */
export interface OfferRequest {
  readonly eventId: string;
  readonly ticketType: string;
  readonly title: string;
  readonly venue?: string;
  readonly timeZone?: string;
  readonly startsAt: string;
  readonly price: Money;
  readonly capacity: number;
  readonly opensAt?: string | null;
  readonly closesAt?: string | null;
  readonly holdSeconds?: number;
  readonly limitPerCustomer?: number;
  readonly maxQuantity?: number;
  readonly cancellation?: CancellationTerms;
}

const DEFAULT_LIMIT = 10;
const ROUTE = 'POST /api/offers';

/** What is on sale, for everybody to read and for operators to change. */
export class OfferService {
  constructor(
    private readonly ledger: Ledger,
    private readonly notifier: Notifier,
    private readonly hints: AdmissionHints,
    private readonly holdSeconds: number,
  ) {}

  list(after: string, limit: number): Promise<Offer[]> {
    return this.ledger.offers(after, limit);
  }

  /** @throws AppError OFFER_NOT_FOUND */
  async read(offerId: string): Promise<Offer> {
    return found(isCleanText(offerId) ? await this.ledger.offer(offerId) : null);
  }

  /** @throws AppError OFFER_EXISTS, OFFER_INVALID, IDEMPOTENCY_KEY_REUSED */
  create(request: OfferRequest, idempotencyKey: string | null, actor: Actor): Promise<Offer> {
    const offer: NewOffer = {
      id: offerIdOf(request),
      eventId: request.eventId,
      ticketType: request.ticketType,
      title: request.title,
      venue: request.venue ?? '',
      timeZone: request.timeZone ?? 'UTC',
      startsAt: request.startsAt,
      price: { amountMinor: request.price.amountMinor, currency: request.price.currency },
      capacity: request.capacity,
      opensAt: request.opensAt ?? null,
      closesAt: request.closesAt ?? null,
      holdSeconds: request.holdSeconds ?? this.holdSeconds,
      limitPerCustomer: request.limitPerCustomer ?? DEFAULT_LIMIT,
      maxQuantity: request.maxQuantity ?? Math.min(DEFAULT_LIMIT, request.limitPerCustomer ?? DEFAULT_LIMIT),
      cancellation: request.cancellation ?? { refundable: false },
    };
    const { id: _, ...body } = offer;
    const key =
      idempotencyKey === null
        ? null
        : {
            customerId: `operator:${actor.id}`,
            route: ROUTE,
            key: idempotencyKey,
            bodyHash: digest(Object.values(body)),
          };
    return this.ledger.createOffer(offer, key, actor);
  }

  /** @throws AppError OFFER_NOT_FOUND, OFFER_INVALID, CAPACITY_BELOW_SOLD */
  async change(offerId: string, change: OfferChange, actor: Actor): Promise<Offer> {
    const named: OfferChange = Object.fromEntries(
      Object.entries(change).filter(([, value]) => value !== undefined),
    );
    const changed = found(isCleanText(offerId) ? await this.ledger.changeOffer(offerId, named, actor) : null);
    this.notifier.line(changed.line);
    this.hints.changed(changed.line);
    return changed.offer;
  }
}

function found<T>(value: T | null): T {
  if (value === null) throw new AppError('OFFER_NOT_FOUND');
  return value;
}

/** Readable where the names are, and unique in any case; fit for job ids, rooms and labels. */
function offerIdOf({ eventId, ticketType }: OfferRequest): string {
  const readable = `${eventId}-${ticketType}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${readable === '' ? 'offer' : readable}-${randomBytes(4).toString('hex')}`;
}
