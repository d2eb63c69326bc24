import { dayNumber } from '../common/days.js';
import type { Stay } from '../booking/booking.js';
import type { OfferFacts, RoomFacts, TicketFacts } from '../booking/ledger/types.js';

/** Rooms of an offer, and when. */
export type BookedRooms = RoomFacts & Stay;

/** What a booking is about, by its `kind`: an event that begins, or a stay. */
export type Booked = TicketFacts | BookedRooms;

/** An offer as one booking has it; the ledger gives every booking of rooms its stay. */
export function bookedOf(offer: OfferFacts, stay: Stay | null): Booked {
  if (offer.kind === 'ticket') return offer;
  if (stay === null) throw new Error('A booking of rooms has no stay');
  return { ...offer, ...stay };
}

/** How many nights lie between two days, as `YYYY-MM-DD`. */
export const nightsOf = ({ checkIn, checkOut }: Pick<Stay, 'checkIn' | 'checkOut'>): number =>
  dayNumber(checkOut) - dayNumber(checkIn);
