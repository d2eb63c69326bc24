import { randomBytes } from 'node:crypto';
import { AppError } from '../../common/errors.js';
import { dayNumber } from '../../common/days.js';
import { validationFailed, type FieldError } from '../../common/problem.js';
import { isCleanText } from '../../common/text.js';
import type { Notifier } from '../../realtime/notifier.js';
import type { AdmissionHints } from '../admission-hints.js';
import type { Actor, Money } from '../booking.js';
import { digest } from '../digest.js';
import type { Ledger } from '../ledger/ledger.js';
import type {
  CancellationTerms,
  NewOffer,
  NewRoomOffer,
  Night,
  NightsOnSale,
  Offer,
  OfferChange,
  RequestKey,
} from '../ledger/types.js';

interface AnyOfferRequest {
  readonly title: string;
  readonly venue?: string;
  readonly timeZone?: string;
  readonly price: Money;
  readonly opensAt?: string | null;
  readonly closesAt?: string | null;
  readonly holdSeconds?: number;
  readonly limitPerCustomer?: number;
  readonly maxQuantity?: number;
  readonly cancellation?: CancellationTerms;
}

/** What an operator says of a new offer of tickets; the rest has defaults. */
export interface OfferRequest extends AnyOfferRequest {
  readonly eventId: string;
  readonly ticketType: string;
  readonly startsAt: string;
  readonly capacity: number;
}

/** The same of rooms. */
export interface RoomOfferRequest extends AnyOfferRequest {
  readonly hotelId: string;
  readonly roomType: string;
  /** `HH:MM`. */
  readonly checkInTime?: string;
  readonly checkOutTime?: string;
  readonly minNights?: number;
  readonly maxNights?: number;
  readonly nights: readonly NightsOnSale[];
}

const DEFAULT_LIMIT = 10;
const ROUTE = 'POST /api/offers';
/** Two years and some, in one range. */
const MAX_RANGE_NIGHTS = 800;

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

  /**
   * By night; both ends included.
   * @throws AppError VALIDATION_FAILED; OFFER_NOT_FOUND where it has no nights
   */
  async nights(offerId: string, from: string, to: string): Promise<Night[]> {
    checkRanges([{ from, to }], (field) => field);
    return found(isCleanText(offerId) ? await this.ledger.offerNights(offerId, from, to) : null);
  }

  /** @throws AppError OFFER_EXISTS, OFFER_INVALID, IDEMPOTENCY_KEY_REUSED */
  create(request: OfferRequest, idempotencyKey: string | null, actor: Actor): Promise<Offer> {
    const { eventId, ticketType, startsAt, capacity } = request;
    const body = { eventId, ticketType, startsAt, capacity, ...this.rules(request) };
    const offer: NewOffer = { id: offerIdOf(eventId, ticketType), ...body };
    return this.ledger.createOffer(offer, keyOf(body, idempotencyKey, actor), actor);
  }

  /** @throws AppError VALIDATION_FAILED, OFFER_EXISTS, OFFER_INVALID, IDEMPOTENCY_KEY_REUSED */
  async createRooms(request: RoomOfferRequest, idempotencyKey: string | null, actor: Actor): Promise<Offer> {
    const { hotelId, roomType, minNights = 1, maxNights = Math.max(minNights, 30), nights } = request;
    const { checkInTime = '15:00', checkOutTime = '11:00' } = request;
    checkRanges(nights, (field, index) => `nights.${index}.${field}`);
    const own = { hotelId, roomType, checkInTime, checkOutTime, minNights, maxNights };
    const body = { ...own, ...this.rules(request), nights: nights.map(plain) };
    const offer: NewRoomOffer = { id: offerIdOf(hotelId, roomType), ...body };
    return this.ledger.createRoomOffer(offer, keyOf(body, idempotencyKey, actor), actor);
  }

  /** @throws AppError OFFER_NOT_FOUND, OFFER_INVALID, CAPACITY_BELOW_SOLD */
  async change(offerId: string, change: OfferChange, actor: Actor): Promise<Offer> {
    if (change.nights !== undefined) checkRanges(change.nights, (field, index) => `nights.${index}.${field}`);
    const named: OfferChange = Object.fromEntries(
      Object.entries(change).filter(([, value]) => value !== undefined),
    );
    const changed = found(isCleanText(offerId) ? await this.ledger.changeOffer(offerId, named, actor) : null);
    this.notifier.line(changed.line);
    this.hints.changed(changed.line);
    return changed.offer;
  }

  /** What every offer has, with its defaults. */
  private rules(request: AnyOfferRequest) {
    const { title, venue = '', timeZone = 'UTC', opensAt = null, closesAt = null } = request;
    const { holdSeconds = this.holdSeconds, limitPerCustomer = DEFAULT_LIMIT } = request;
    const { maxQuantity = Math.min(DEFAULT_LIMIT, limitPerCustomer) } = request;
    const { cancellation = { refundable: false } } = request;
    const price = { amountMinor: request.price.amountMinor, currency: request.price.currency };
    return {
      ...{ title, venue, timeZone, price, opensAt, closesAt },
      ...{ holdSeconds, limitPerCustomer, maxQuantity, cancellation },
    };
  }
}

/** @throws AppError VALIDATION_FAILED where a day does not exist, or a range ends before it begins or never */
function checkRanges(
  ranges: readonly { readonly from: string; readonly to: string }[],
  named: (field: 'from' | 'to', index: number) => string,
): void {
  const errors = ranges.flatMap(({ from, to }, index) => {
    const [first, last] = [dayNumber(from), dayNumber(to)];
    if (Number.isNaN(first)) return [wrong(named('from', index), 'must be a day that exists')];
    if (Number.isNaN(last)) return [wrong(named('to', index), 'must be a day that exists')];
    if (last < first) return [wrong(named('to', index), 'must not be before the first night')];
    return last - first > MAX_RANGE_NIGHTS
      ? [wrong(named('to', index), `must be at most ${MAX_RANGE_NIGHTS} nights after the first`)]
      : [];
  });
  if (errors.length > 0) throw validationFailed(errors);
}

const wrong = (field: string, message: string): FieldError => ({ field, message: `${field} ${message}` });
const plain = ({ from, to, capacity }: NightsOnSale): NightsOnSale => ({ from, to, capacity });

const keyOf = (body: object, idempotencyKey: string | null, actor: Actor): RequestKey | null =>
  idempotencyKey === null
    ? null
    : {
        customerId: `operator:${actor.id}`,
        route: ROUTE,
        key: idempotencyKey,
        bodyHash: digest(Object.values(body)),
      };

function found<T>(value: T | null): T {
  if (value === null) throw new AppError('OFFER_NOT_FOUND');
  return value;
}

/** Readable where the names are, and unique in any case; fit for job ids, rooms and labels. */
function offerIdOf(group: string, type: string): string {
  const readable = `${group}-${type}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${readable === '' ? 'offer' : readable}-${randomBytes(4).toString('hex')}`;
}
