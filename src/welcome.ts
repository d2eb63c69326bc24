import type { INestApplication } from '@nestjs/common';
import type { Actor } from './booking/booking.js';
import { Ledger } from './booking/ledger/ledger.js';
import type { NewOffer } from './booking/ledger/types.js';
import { AppError } from './common/errors.js';
import type { Config } from './config/config.js';
import { operatorToken } from './security/authentication.js';
import { TokenSecret } from './security/security.module.js';

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
  app: INestApplication,
  config: Config,
  url: string,
  print: (message: string) => void,
): Promise<void> {
  const ledger = app.get(Ledger, { strict: false });
  for (const sample of samples(config.line.holdSeconds)) {
    try {
      await ledger.createOffer(sample, null, actor);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'OFFER_EXISTS')) throw error;
    }
  }
  const { bytes } = app.get(TokenSecret, { strict: false });
  print(
    [
      `Fairline is open at ${url}; its API is explained at ${url}/docs`,
      `an operator's token, good for 12 hours: ${await operatorToken(config.auth, bytes)}`,
      'try this:',
      `  curl -s ${url}/api/bookings -H 'content-type: application/json' -d '{"userId":"fan-1","eventId":"summer-night","ticketType":"standing","paymentMethod":"pm_ok","email":"fan@example.org"}'`,
    ].join('\n'),
  );
}
