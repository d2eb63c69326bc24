// A real PostgreSQL for tests: the product's own embedded one, on a folder that lives as long as the tests.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, root } from '../build.mjs';
import { isReachable } from '../support/reachable.mjs';

export const variable = 'DATABASE_URL';
export const remedy = 'set DATABASE_URL to a PostgreSQL 18 of yours, as a user who may create databases';

/** @param {string} url */
export const reachable = (url) => isReachable(url, 5432);

/**
 * @param {{ folder: string, say: (line: string) => void, record: (details: object) => void }} context
 * @returns {Promise<string>} its URL, as superuser
 */
export async function up({ folder, say, record }) {
  ensureBuilt();
  const dataDir = join(folder, 'data');
  record({ dataDir });
  const { startEmbedded } = await embedded();
  const server = await startEmbedded({ dataDir });
  record({ dataDir, folder: server.folder });
  if (server.notice !== null) say(server.notice);
  // Not stopped here: it goes on after this process, until `down`.
  return server.url;
}

/** @param {{ dataDir: string, folder?: string }} details as recorded */
export async function down({ dataDir, folder }) {
  if (await isUp({ dataDir })) {
    const { startEmbedded } = await embedded();
    await (await startEmbedded({ dataDir })).discard();
  }
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

export async function isUp({ dataDir }) {
  const { findEmbedded } = await embedded();
  return (await findEmbedded(dataDir)) !== null;
}

async function embedded() {
  const file = new URL('dist/src/database/embedded/embedded-postgres.js', root);
  if (!existsSync(file)) ensureBuilt();
  return await import(file.href);
}
