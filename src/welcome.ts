import type { Actor } from './booking/booking.js';
import { Ledger } from './booking/ledger/ledger.js';
import type { NewOffer } from './booking/ledger/types.js';
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

/** Sample offers, an operator's token and a request to paste: for the embedded default alone. */
export async function welcome(
  config: Config,
  databaseUrl: string,
  url: string,
  print: (message: string) => void,
): Promise<void> {
  const database = new Database(databaseUrl, 1);
  try {
    await createSamples(new Ledger(database), samples(config.line.holdSeconds));
    const secret = await tokenSecret(config.auth, new StoredSecret(new Settings(database)));
    print(greeting(url, await operatorToken(config.auth, secret)));
  } finally {
    await database.close();
  }
}

async function createSamples(ledger: Ledger, offers: readonly NewOffer[]): Promise<void> {
  for (const offer of offers) {
    try {
      await ledger.createOffer(offer, null, actor);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'OFFER_EXISTS')) throw error;
    }
  }
}

const greeting = (url: string, token: string): string =>
  [
    `Fairline is open at ${url}; its API is explained at ${url}/docs`,
    `an operator's token, good for 12 hours: ${token}`,
    'try this:',
    `  curl -s ${url}/api/bookings -H 'content-type: application/json' -d '{"userId":"fan-1","eventId":"summer-night","ticketType":"standing","paymentMethod":"pm_ok","email":"fan@example.org"}'`,
  ].join('\n');
