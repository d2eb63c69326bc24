import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROUTINES } from '../../src/booking/ledger/ledger.js';
import { createLogger } from '../../src/common/logger.js';
import { loadConfig } from '../../src/config/load.js';
import { createApp } from '../../src/configure-app.js';
import { openApiOf } from '../../src/api-document.js';
import { startEmbedded } from '../../src/database/embedded/embedded-postgres.js';
import { migrate } from '../../src/database/migrate.js';

/** `docs/openapi.json`: what the application itself says of its routes. Runs it on a database of its own. */
export async function renderOpenApi(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fairline-docs-'));
  // The database may run as another user, who must be able to pass through.
  await chmod(dataDir, 0o755);
  const embedded = await startEmbedded({ dataDir });
  try {
    await migrate(embedded.url, ROUTINES);
    const config = loadConfig({ ROLE: 'api', LOG_LEVEL: 'fatal', DATA_DIR: dataDir });
    const app = await createApp(config, embedded.url, createLogger(config));
    try {
      return `${JSON.stringify(openApiOf(app), null, 2)}\n`;
    } finally {
      await app.close();
    }
  } finally {
    await embedded.discard();
    await rm(dataDir, { recursive: true, force: true });
  }
}
