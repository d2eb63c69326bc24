import { createHash } from 'node:crypto';
import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, canEnter } from './account.js';

/** Where root's embedded databases live when the server's user cannot reach the data folder. */
export const SYSTEM_HOME = '/var/lib/fairline';

/** The folder of one embedded database, and what its user should know about where it is. */
export interface Place {
  readonly folder: string;
  readonly notice: string | null;
}

/** The PostgreSQL data folder inside the folder of an embedded database. */
export const dataOf = (folder: string): string => join(folder, 'data');

/** The folder that already holds the database of this data folder; null where none was made yet. */
export async function findPlace(dataDir: string): Promise<Place | null> {
  const real = await realpath(dataDir).catch(() => null);
  if (real === null) return null;
  const own = ownFolder(real);
  if (await hasDatabase(own)) return { folder: own, notice: null };
  if (process.getuid?.() !== 0) return null;
  const other = otherFolder(real);
  return (await hasDatabase(other)) ? { folder: other, notice: noticeOf(real, other) } : null;
}

/**
 * The folder to make the database in: below the data folder, or, where the server's user cannot get there, one
 * below `SYSTEM_HOME` that follows from the data folder's path, so that every later start finds it again.
 */
export async function makePlace(dataDir: string, account: Account | null): Promise<Place> {
  await mkdir(dataDir, { recursive: true });
  const real = await realpath(dataDir);
  const own = ownFolder(real);
  if (account === null || canEnter(account, real)) {
    await makeEnterable(own);
    return { folder: own, notice: null };
  }
  const other = otherFolder(real);
  await makeEnterable(SYSTEM_HOME);
  await makeEnterable(other);
  if (canEnter(account, other)) return { folder: other, notice: noticeOf(real, other) };
  throw new Error(
    `The user ${account.name}, whom PostgreSQL runs as, can reach neither ${own} nor ${other}: ` +
      'set DATA_DIR to a folder that this user can enter',
  );
}

/** Makes the folder so that the server's user can pass through it, whatever this process' umask is. */
export async function makeEnterable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (process.getuid?.() === 0) await chmod(folder, 0o755);
}

const ownFolder = (dataDir: string): string => join(dataDir, 'postgres');

const otherFolder = (dataDir: string): string =>
  join(SYSTEM_HOME, createHash('sha256').update(dataDir).digest('hex').slice(0, 16));

const noticeOf = (dataDir: string, folder: string): string =>
  `The user that PostgreSQL runs as cannot enter ${dataDir}: the embedded database is in ${folder} instead. ` +
  'To start afresh, delete that folder too.';

async function hasDatabase(folder: string): Promise<boolean> {
  return (await stat(join(dataOf(folder), 'PG_VERSION')).catch(() => null)) !== null;
}
