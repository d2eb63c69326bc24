import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { forgetCustomer } from '../src/booking/erasure.js';
import { ROUTINES } from '../src/booking/ledger/ledger.js';
import { AppError } from '../src/common/errors.js';
import { loadConfig } from '../src/config/load.js';
import { migrate } from '../src/database/migrate.js';
import { withLedger } from './ledger-check.js';
import { onDatabase } from './support/on-database.js';

const USAGE = `npm run erase -- --user <userId>

  Forgets a customer: who booked, their addresses, means of payment, tickets and mails. What was booked and paid stays,
  under a pseudonym. Refused while a booking of theirs is not over. docs/privacy.md says more.`;

/** Exit codes: 0 done, 1 refused, or it could not be done, 2 asked wrongly. */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { user: { type: 'string' } } });
  const { user } = values;
  if (user === undefined || user === '') {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const config = loadConfig(process.env);
  return onDatabase(config.database.url, config.dataDir, async (url) => {
    await migrate(url, ROUTINES);
    return withLedger(url, async (ledger) => {
      const correlationId = randomUUID();
      const actor = { kind: 'operator', id: 'command-line', correlationId } as const;
      try {
        const bookings = await forgetCustomer(ledger, user, actor);
        process.stdout.write(
          `Bookings that name nobody any more: ${bookings} (correlation id ${correlationId})\n`,
        );
        return 0;
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        process.stderr.write(`${error.code}: ${error.message} ${JSON.stringify(error.details)}\n`);
        return 1;
      }
    });
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`Nothing was erased: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
