import { startEmbedded } from '../../src/database/embedded/embedded-postgres.js';
import { findPlace } from '../../src/database/embedded/folder.js';

/** The database that the application would use. The embedded one is joined where it runs, else started meanwhile. */
export async function onDatabase<T>(
  url: string | null,
  dataDir: string,
  work: (url: string) => Promise<T>,
): Promise<T> {
  if (url !== null) return work(url);
  if ((await findPlace(dataDir)) === null) {
    throw new Error(
      `There is no database in ${dataDir} yet: set DATABASE_URL, or DATA_DIR to the folder of one`,
    );
  }
  const embedded = await startEmbedded({ dataDir });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop();
  }
}
