import type { Stay } from '../../booking/booking.js';
import type { Telling } from '../../booking/ledger/tellings.js';
import type { RoomFacts, TicketFacts } from '../../booking/ledger/types.js';
import { bookedOf } from '../booked.js';

type Wanted = TicketFacts | (RoomFacts & Pick<Stay, 'checkIn' | 'checkOut'>);

/** `fairline.v1.Units`. */
export function unitsOf(booked: Wanted, quantity: number): object {
  switch (booked.kind) {
    case 'ticket':
      return { tickets: { eventId: booked.eventId, ticketType: booked.ticketType, quantity } };
    case 'room':
      return {
        stay: {
          hotelId: booked.hotelId,
          roomType: booked.roomType,
          checkIn: booked.checkIn,
          checkOut: booked.checkOut,
          rooms: quantity,
        },
      };
  }
}

export const unitsOfTelling = ({ offer, stay, quantity }: Telling): object =>
  unitsOf(bookedOf(offer, stay), quantity);
