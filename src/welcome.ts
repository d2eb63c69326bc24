import type { Config } from './config/config.js';
import { Database } from './database/database.js';
import { Settings, StoredSecret } from './database/settings.js';
import { dateIn } from './samples.js';
import { operatorToken, tokenSecret } from './security/authentication.js';

/** An operator's token and requests to paste: for the embedded default alone. */
export async function welcome(
  config: Config,
  databaseUrl: string,
  url: string,
  print: (message: string) => void,
): Promise<void> {
  const database = new Database(databaseUrl, 1);
  try {
    const secret = await tokenSecret(config.auth, new StoredSecret(new Settings(database)));
    print(greeting(url, await operatorToken(config.auth, secret)));
  } finally {
    await database.close();
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
