import type { Night, RoomOffer, TicketOffer } from '../../booking/ledger/types.js';
import { questionsAbout } from './questions.js';

const rules = {
  id: 'offer',
  title: 'Title',
  venue: 'Venue',
  timeZone: 'UTC',
  price: { amountMinor: 1, currency: 'EUR' },
  cancellation: { refundable: false, untilHoursBeforeStart: null },
  opensAt: null,
  closesAt: null,
  paused: false,
  holdSeconds: 60,
  limitPerCustomer: 1,
  maxQuantity: 1,
  waiting: 0,
  version: 1,
};
const night = (of: string, available: number, held = 0): Night => ({
  night: of,
  capacity: available + held,
  available,
  held,
  sold: 0,
});

describe('what a ticket service is asked about an offer', () => {
  it('is how many units it has, named as they are there', async () => {
    const offer: TicketOffer = {
      ...rules,
      ...{ kind: 'ticket', eventId: 'show', ticketType: 'vip', startsAt: '2999-01-01T00:00:00.000Z' },
      stock: { capacity: 10, available: 7, held: 3, sold: 0 },
    };
    expect(await questionsAbout(offer, () => Promise.resolve([]), 0)).toEqual([
      { units: { tickets: { eventId: 'show', ticketType: 'vip', quantity: 7 } }, ours: 7, isWhole: false },
    ]);
  });

  it('is of rooms each run of nights to come with equally many, no longer than a stay may be', async () => {
    const offer: RoomOffer = {
      ...rules,
      ...{ kind: 'room', hotelId: 'inn', roomType: 'double', checkInTime: '15:00', checkOutTime: '11:00' },
      ...{ minNights: 1, maxNights: 2, firstNight: '2029-12-01', lastNight: '2030-01-06' },
    };
    const nights = [
      ...[night('2030-01-01', 5), night('2030-01-02', 5), night('2030-01-03', 5)],
      ...[night('2030-01-04', 5, 1), night('2030-01-06', 0)],
    ];
    const asked: string[] = [];
    const read = (_: string, first: string, last: string): Promise<Night[]> => {
      asked.push(`${first} to ${last}`);
      return Promise.resolve(nights);
    };
    const questions = await questionsAbout(offer, read, Date.parse('2030-01-01T10:00:00Z'));
    expect(asked).toEqual(['2030-01-01 to 2030-01-06']);
    expect(
      questions.map(({ nights: of, ours, isWhole }) => [of?.checkIn, of?.checkOut, ours, isWhole]),
    ).toEqual([
      ['2030-01-01', '2030-01-03', 5, true],
      ['2030-01-03', '2030-01-04', 5, true],
      ['2030-01-04', '2030-01-05', 5, false],
      ['2030-01-06', '2030-01-07', 0, true],
    ]);
    expect(questions[0]?.units).toEqual({
      stay: {
        ...{ hotelId: 'inn', roomType: 'double', rooms: 5 },
        ...{ checkIn: '2030-01-01', checkOut: '2030-01-03' },
      },
    });
  });
});
