import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, accountFor } from './account.js';
import { binariesFor } from './binaries.js';
import { ensureCluster, ensureDatabase, urlOf } from './cluster.js';
import { dataOf, findPlace, makePlace } from './folder.js';
import { withLock } from './lock.js';
import {
  endsSoon,
  killPostmaster,
  livingPostmaster,
  type Postmaster,
  startPostmaster,
  stopPostmaster,
} from './postmaster.js';
import { enter, isInUse, leave } from './users.js';

export interface EmbeddedOptions {
  /** Made when missing. One database per data folder. */
  readonly dataDir: string;
  /** Told what takes time, in a sentence each. */
  readonly log?: (message: string) => void;
}

/** A running PostgreSQL that belongs to a data folder, shared by every process that starts it there. */
export interface EmbeddedPostgres {
  /** A superuser's connection to the application's database. Holds the password: not for logs. */
  readonly url: string;
  /** Another process had started it. */
  readonly adopted: boolean;
  /** Where everything of it lies. */
  readonly folder: string;
  /** What the user should be told about that place; null when it is the expected one. */
  readonly notice: string | null;
  /** Ends this use of the server; the last living process to end its use stops it. Idempotent. */
  stop(): Promise<void>;
  /** As `stop`; where that stopped the server, its folder is deleted as well. For databases of tests and rehearsals. */
  discard(): Promise<void>;
}

/**
 * The PostgreSQL of a data folder: made and started when needed, adopted when it runs already. Needs nothing from the
 * environment. It outlives a killed process and is adopted by the next start.
 * @throws Error with a remedy where it cannot run.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const known = await findPlace(options.dataDir);
  const account = await accountFor(known === null ? null : dataOf(known.folder));
  const place = known ?? (await makePlace(options.dataDir, account));
  const { folder } = place;
  return await withLock(lockOf(folder), async () => {
    const living = await adopt(folder);
    const url = living ?? (await start(folder, account, options.log));
    const user = await enter(folder);
    return { ...place, url, adopted: living !== null, ...endings(folder, user) };
  });
}

/** Kills the data folder's server as a power cut would, for rehearsals; the next start recovers. No-op without one. */
export async function killEmbedded(dataDir: string): Promise<void> {
  const place = await findPlace(dataDir);
  if (place !== null) await killPostmaster(place.folder);
}

/** Where the data folder's server is to be reached; null when none runs. Starts, changes and registers nothing. */
export async function findEmbedded(dataDir: string): Promise<string | null> {
  const place = await findPlace(dataDir);
  if (place === null) return null;
  const living = await livingPostmaster(place.folder);
  return living === null ? null : await urlOf(place.folder, living);
}

/** The URL of the folder's living server; null where there is none, or it was dying as we came. */
async function adopt(folder: string): Promise<string | null> {
  const living = await livingPostmaster(folder);
  if (living === null) return null;
  try {
    return await open(folder, living);
  } catch (error) {
    if (await endsSoon(living)) return null;
    throw error;
  }
}

async function start(folder: string, account: Account | null, log: EmbeddedOptions['log']): Promise<string> {
  const binaries = await binariesFor(account);
  if (await ensureCluster(binaries, folder, account)) log?.(`Made a new database in ${folder}`);
  const server = await startPostmaster(binaries.postgres, folder, account);
  try {
    return await open(folder, server);
  } catch (error) {
    await stopPostmaster(folder);
    throw error;
  }
}

async function open(folder: string, server: Postmaster): Promise<string> {
  const url = await urlOf(folder, server);
  await ensureDatabase(url);
  return url;
}

function endings(folder: string, user: string): Pick<EmbeddedPostgres, 'stop' | 'discard'> {
  let ended: Promise<void> | null = null;
  const stop = (): Promise<void> =>
    (ended ??= inFolder(folder, async () => {
      await leave(user);
      if (!(await isInUse(folder))) await stopPostmaster(folder);
    }));
  const discard = async (): Promise<void> => {
    await stop();
    await inFolder(folder, async () => {
      const free = !(await isInUse(folder)) && (await livingPostmaster(folder)) === null;
      if (free) await rm(folder, { recursive: true, force: true });
    });
  };
  return { stop, discard };
}

/** Under the folder's lock. No-op where the folder is gone: somebody discarded or deleted it meanwhile. */
async function inFolder(folder: string, work: () => Promise<void>): Promise<void> {
  if (existsSync(folder)) await withLock(lockOf(folder), work);
}

const lockOf = (folder: string): string => join(folder, 'lock');
