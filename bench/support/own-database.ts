import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROUTINES } from '../../src/booking/ledger/ledger.js';
import { startEmbedded } from '../../src/database/embedded/embedded-postgres.js';
import { migrate } from '../../src/database/migrate.js';
import { onInterrupt } from './on-interrupt.js';

export interface OwnDatabase {
  readonly url: string;
  /** Where else a benchmark may write. */
  readonly folder: string;
}

/** An embedded database as the application starts it, in a temporary folder, deleted after the work. */
export async function withOwnDatabase<T>(work: (database: OwnDatabase) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'fairline-bench-'));
  // The database may have to run as another user, who must be able to pass through.
  await chmod(folder, 0o755);
  const embedded = await startEmbedded({ dataDir: join(folder, 'data') });
  const remove = onInterrupt(async () => {
    await embedded.discard();
    await rm(folder, { recursive: true, force: true });
  });
  try {
    await migrate(embedded.url, ROUTINES);
    return await work({ url: embedded.url, folder });
  } finally {
    await remove();
  }
}
