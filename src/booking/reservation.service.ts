import { dayNumber } from '../common/days.js';
import { AppError } from '../common/errors.js';
import type { Notifier } from '../realtime/notifier.js';
import type { AdmissionHints } from './admission-hints.js';
import type { Actor } from './booking.js';
import type { StayRequest, TicketRequest } from './booking.service.js';
import type { Ledger } from './ledger/ledger.js';
import type { Reservation, ReservationState, ReservedOffer } from './ledger/reservations.js';
import { nightsOf } from './nights.js';
import type { OfferDirectories } from './offers/offer-directory.js';
import type { OfferService } from './offers/offer.service.js';

/** Which units, of an offer of ours. */
export type UnitsAsked = Omit<TicketRequest, 'userId'> | Omit<StayRequest, 'userId'>;

/** What a service tells of a booking of its own. */
export interface Telling {
  readonly bookingId: string;
  readonly fence: number;
  readonly state: ReservationState;
  readonly units: UnitsAsked;
}

/** Units that other systems sell through lines of their own, and tell of. What they have taken is not sold here again. */
export class ReservationService {
  constructor(
    private readonly ledger: Pick<Ledger, 'tellReservation' | 'reservedOffer'>,
    private readonly directories: OfferDirectories,
    private readonly offers: Pick<OfferService, 'read' | 'nights'>,
    private readonly notifier: Pick<Notifier, 'line'>,
    private readonly hints: Pick<AdmissionHints, 'changed'>,
  ) {}

  /**
   * Units that are there now, of a stay on its scarcest night.
   * @throws AppError OFFER_NOT_FOUND, OFFER_TYPE_REQUIRED, VALIDATION_FAILED
   */
  async available(units: UnitsAsked): Promise<{ readonly offerId: string; readonly available: number }> {
    const offerId = await this.offerOf(units);
    if ('hotelId' in units) {
      const { firstNight, lastNight } = nightsOf(units.checkIn, units.checkOut);
      const nights = await this.offers.nights(offerId, firstNight, lastNight);
      const isWhole = nights.length === dayNumber(lastNight) - dayNumber(firstNight) + 1;
      return { offerId, available: isWhole ? Math.min(...nights.map((night) => night.available)) : 0 };
    }
    const offer = await this.offers.read(offerId);
    return { offerId, available: offer.kind === 'ticket' ? offer.stock.available : 0 };
  }

  /**
   * Safe to repeat, and in any order.
   * @param service who tells
   * @returns the reservation as it is now
   * @throws AppError OFFER_NOT_FOUND, OFFER_TYPE_REQUIRED, SOLD_OUT, NIGHT_NOT_ON_SALE, OTHERS_FIRST,
   * IDEMPOTENCY_KEY_REUSED, VALIDATION_FAILED
   */
  async tell(service: string, { units, ...told }: Telling, actor: Actor): Promise<Reservation> {
    const known = await this.ledger.reservedOffer(service, told.bookingId);
    // What named one offer when it was told first goes on to mean it, whatever else the event has on sale since.
    const offerId = known !== null && means(units, known) ? known.id : await this.offerOf(units);
    const asked =
      'hotelId' in units
        ? { quantity: units.rooms ?? 1, ...nightsOf(units.checkIn, units.checkOut) }
        : { quantity: units.quantity ?? 1 };
    const kept = await this.ledger.tellReservation(service, { ...told, offerId, ...asked }, actor);
    if (kept === null) throw new AppError('OFFER_NOT_FOUND');
    if (kept.line !== null) {
      this.notifier.line(kept.line);
      this.hints.changed(kept.line);
    }
    return kept.reservation;
  }

  private async offerOf(units: UnitsAsked): Promise<string> {
    return 'hotelId' in units
      ? this.directories.hotels.resolve(units.hotelId, units.roomType)
      : this.directories.events.resolve(units.eventId, units.ticketType);
  }
}

function means(units: UnitsAsked, { kind, groupId, type }: ReservedOffer): boolean {
  const asked =
    'hotelId' in units
      ? { kind: 'room', groupId: units.hotelId, type: units.roomType }
      : { kind: 'ticket', groupId: units.eventId, type: units.ticketType };
  return asked.kind === kind && asked.groupId === groupId && (asked.type ?? type) === type;
}
