import type { Actor } from './booking/booking.js';
import { Ledger } from './booking/ledger/ledger.js';
import type { NewOffer, NewRoomOffer } from './booking/ledger/types.js';
import { AppError } from './common/errors.js';
import type { Config } from './config/config.js';
import { Database } from './database/database.js';

const actor: Actor = { kind: 'system', id: 'start', correlationId: 'start' };
const DAY_MS = 24 * 3600 * 1000;

/** What the embedded default has on sale, so that there is something to try. */
const samples = (holdSeconds: number): NewOffer[] => {
  const startsAt = new Date(Date.now() + 60 * DAY_MS).toISOString();
  const night = {
    eventId: 'summer-night',
    title: 'Summer Night',
    venue: 'Waldbühne, Berlin',
    timeZone: 'Europe/Berlin',
    startsAt,
  };
  const rules = { opensAt: null, closesAt: null, holdSeconds, limitPerCustomer: 4, maxQuantity: 4 };
  return [
    {
      id: 'summer-night-standing',
      ticketType: 'standing',
      price: { amountMinor: 4900, currency: 'EUR' },
      capacity: 500,
      ...night,
      ...rules,
    },
    {
      id: 'summer-night-seated',
      ticketType: 'seated',
      price: { amountMinor: 8900, currency: 'EUR' },
      capacity: 120,
      ...night,
      ...rules,
    },
  ];
};

/** Rooms for a season that begins in two months. */
const sampleRooms = (holdSeconds: number): NewRoomOffer => ({
  id: 'lakeside-double',
  hotelId: 'lakeside',
  roomType: 'double',
  title: 'Hotel Lakeside',
  venue: 'Hallstatt',
  timeZone: 'Europe/Vienna',
  checkInTime: '15:00',
  checkOutTime: '11:00',
  minNights: 1,
  maxNights: 14,
  price: { amountMinor: 12900, currency: 'EUR' },
  opensAt: null,
  closesAt: null,
  holdSeconds,
  limitPerCustomer: 2,
  maxQuantity: 2,
  nights: [{ from: dateIn(60), to: dateIn(180), capacity: 12 }],
});

/** So many days from today, as `YYYY-MM-DD`. */
export const dateIn = (days: number): string =>
  new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

/** For the embedded default alone, before its doors open: whoever comes first finds what there is to try. */
export async function putSamplesOnSale({ line }: Config, databaseUrl: string): Promise<void> {
  const database = new Database(databaseUrl, 1);
  try {
    const ledger = new Ledger(database);
    for (const offer of samples(line.holdSeconds)) await unlessThere(ledger.createOffer(offer, null, actor));
    await unlessThere(ledger.createRoomOffer(sampleRooms(line.holdSeconds), null, actor));
  } finally {
    await database.close();
  }
}

async function unlessThere(made: Promise<unknown>): Promise<void> {
  try {
    await made;
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'OFFER_EXISTS')) throw error;
  }
}
