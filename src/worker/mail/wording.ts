import { formatDate, formatDay, formatTime } from '../../common/format.js';
import { nightsOf, type Booked, type BookedRooms } from '../booked.js';

/** What of a mail's words depends on whether it is about tickets or about rooms. */
export interface Wording {
  /** When and where: a line each. */
  readonly facts: readonly string[];
  /** The units and their verb: `2 tickets (standing) are`. */
  readonly unitsAre: string;
  /** What they may last: `tickets`. */
  readonly units: string;
  /** How long they are had for, where they are: ` for 3 nights`. */
  readonly howLong: string;
  readonly soldOut: string;
  /** Subject, heading and use of what is attached in the end. */
  readonly paper: string;
  readonly confirmed: string;
  readonly howToUse: string;
}

export function wordingOf(booked: Booked, quantity: number): Wording {
  const one = quantity === 1;
  switch (booked.kind) {
    case 'ticket':
      return {
        facts: [
          `${formatDate(booked.startsAt, booked.timeZone)}, ${formatTime(booked.startsAt, booked.timeZone)}`,
          booked.venue,
        ],
        unitsAre: one
          ? `1 ticket (${booked.ticketType}) is`
          : `${quantity} tickets (${booked.ticketType}) are`,
        units: 'tickets',
        howLong: '',
        soldOut: 'every ticket was sold before your turn came. Nobody was let in ahead of you.',
        paper: one ? 'ticket' : 'tickets',
        confirmed: 'You are in',
        howToUse:
          'The PDF is attached. Show the code at the entrance, on paper or on your telephone. Each code opens once: keep it to yourself.',
      };
    case 'room':
      return {
        facts: stayFacts(booked),
        unitsAre: one ? `1 room (${booked.roomType}) is` : `${quantity} rooms (${booked.roomType}) are`,
        units: 'rooms',
        howLong: ` for ${nights(booked)}`,
        soldOut:
          'your turn did not come while there were rooms for every night of your stay. Nobody behind you was let in while it would have fitted.',
        paper: one ? 'voucher' : 'vouchers',
        confirmed: one ? 'Your room is booked' : 'Your rooms are booked',
        howToUse:
          'The PDF is attached, with a page for each room. Show the code at the reception, on paper or on your telephone. Each code checks in once: keep it to yourself.',
      };
  }
}

function stayFacts(stay: BookedRooms): string[] {
  return [
    `Check-in ${formatDay(stay.checkIn)}, from ${stay.checkInTime}`,
    `Check-out ${formatDay(stay.checkOut)}, until ${stay.checkOutTime}`,
    nights(stay),
    stay.venue,
  ];
}

function nights(stay: BookedRooms): string {
  const count = nightsOf(stay);
  return count === 1 ? '1 night' : `${count} nights`;
}
