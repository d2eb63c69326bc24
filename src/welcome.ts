import type { Actor } from './booking/booking.js';
import { Ledger } from './booking/ledger/ledger.js';
import type { NewOffer, NewRoomOffer } from './booking/ledger/types.js';
import { AppError } from './common/errors.js';
import type { Config } from './config/config.js';
import { Database } from './database/database.js';
import { Settings, StoredSecret } from './database/settings.js';
import { operatorToken, tokenSecret } from './security/authentication.js';

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

const dateIn = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

/** Sample offers, an operator's token and a request to paste: for the embedded default alone. */
export async function welcome(
  config: Config,
  databaseUrl: string,
  url: string,
  print: (message: string) => void,
): Promise<void> {
  const database = new Database(databaseUrl, 1);
  try {
    const ledger = new Ledger(database);
    const { holdSeconds } = config.line;
    for (const offer of samples(holdSeconds)) await unlessThere(ledger.createOffer(offer, null, actor));
    await unlessThere(ledger.createRoomOffer(sampleRooms(holdSeconds), null, actor));
    const secret = await tokenSecret(config.auth, new StoredSecret(new Settings(database)));
    print(greeting(url, await operatorToken(config.auth, secret)));
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

const greeting = (url: string, token: string): string =>
  [
    `Fairline is open at ${url}; its API is explained at ${url}/docs`,
    `an operator's token, good for 12 hours: ${token}`,
    'try this, for a ticket or for a room:',
    `  curl -s ${url}/api/bookings -H 'content-type: application/json' -d '{"userId":"fan-1","eventId":"summer-night","ticketType":"standing","paymentMethod":"pm_ok","email":"fan@example.org"}'`,
    `  curl -s ${url}/api/bookings -H 'content-type: application/json' -d '{"userId":"guest-1","hotelId":"lakeside","checkIn":"${dateIn(70)}","checkOut":"${dateIn(73)}","paymentMethod":"pm_ok","email":"guest@example.org"}'`,
  ].join('\n');
