import { ROUTINES } from './booking/ledger/ledger.js';
import type { PinoLogger } from './common/logger.js';
import type { Config } from './config/config.js';
import { startEmbedded } from './database/embedded/embedded-postgres.js';
import { migrate } from './database/migrate.js';
import type { Opened } from './lifetime.js';
import { putSamplesOnSale } from './samples.js';

/** A database that is there and up to date. */
export interface StartedDatabase {
  readonly url: string;
  readonly embedded: boolean;
}

/** The configured database, or the embedded one, started; migrated. The embedded one has samples on sale. */
export async function startDatabase(
  config: Config,
  logger: PinoLogger,
  opened: Opened,
): Promise<StartedDatabase> {
  const { url } = config.database;
  if (url !== null) {
    await migrate(url, ROUTINES);
    return { url, embedded: false };
  }
  const embedded = await startEmbedded({
    dataDir: config.dataDir,
    log: (message) => logger.log(message, 'start'),
  });
  opened.add(() => embedded.stop());
  if (embedded.notice !== null) logger.warn(embedded.notice, 'start');
  await migrate(embedded.url, ROUTINES);
  if (config.role !== 'worker') await putSamplesOnSale(config, embedded.url);
  return { url: embedded.url, embedded: true };
}
