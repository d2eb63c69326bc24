import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Account, runAs } from './account.js';
import { type Binaries, MAJOR_VERSION } from './binaries.js';
import { dataOf } from './folder.js';
import type { Postmaster } from './postmaster.js';

const SUPERUSER = 'postgres';
const DATABASE = 'fairline';
const UNFINISHED = 'data.unfinished';

/**
 * Makes the folder's database cluster where there is none: UTF-8 whatever the locale, one superuser with a random
 * password. Called under the folder's lock; a killed attempt leaves nothing that the next one would take for whole.
 * @returns whether it was made now.
 * @throws Error where the folder belongs to another major version of PostgreSQL.
 */
export async function ensureCluster(
  binaries: Binaries,
  folder: string,
  account: Account | null,
): Promise<boolean> {
  const version = await readFile(join(dataOf(folder), 'PG_VERSION'), 'utf8').catch(() => null);
  if (version !== null) {
    if (version.trim() === MAJOR_VERSION) return false;
    throw new Error(
      `${folder} was made by PostgreSQL ${version.trim()} and this is ${MAJOR_VERSION}: set DATA_DIR to another ` +
        'folder, or start the version of Fairline that made it',
    );
  }
  const unfinished = join(folder, UNFINISHED);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await writeFile(passwordFile(folder), randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (account !== null) {
    for (const path of [unfinished, passwordFile(folder)]) await chown(path, account.uid, account.gid);
  }
  await initialise(binaries.initdb, unfinished, passwordFile(folder), account);
  await replace(unfinished, dataOf(folder));
  return true;
}

/** The connection to the application's database, as superuser: by the local socket where there is one. */
export async function urlOf(folder: string, { port, socketFolder }: Postmaster): Promise<string> {
  const password = await readFile(passwordFile(folder), 'utf8').catch((error: unknown) => {
    throw new Error(`The password of the database in ${folder} cannot be read: is it another user's?`, {
      cause: error,
    });
  });
  const url = new URL(`postgres://${SUPERUSER}:${password.trim()}@127.0.0.1:${port}/${DATABASE}`);
  // The parameter is what a client connects to; the address before it serves those that do not know it.
  if (socketFolder !== null) url.searchParams.set('host', socketFolder);
  return url.href;
}

/** Makes the application's database where it is missing. */
export async function ensureDatabase(url: string): Promise<void> {
  const administration = new URL(url);
  administration.pathname = '/postgres';
  const client = new Client({ connectionString: administration.href, connectionTimeoutMillis: 30_000 });
  // Losing the server is told by the failing query; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

const passwordFile = (folder: string): string => join(folder, 'password');

/** An empty folder may stand where the cluster belongs (a mount point, an earlier attempt); a full one is kept. */
async function replace(unfinished: string, data: string): Promise<void> {
  if ((await stat(data).catch(() => null)) !== null && (await readdir(data)).length > 0) {
    throw new Error(`${data} holds files but no database: move them away, or set DATA_DIR to another folder`);
  }
  await rename(unfinished, data);
}

async function initialise(
  program: string,
  data: string,
  pwfile: string,
  account: Account | null,
): Promise<void> {
  const args = [
    `--pgdata=${data}`,
    `--pwfile=${pwfile}`,
    `--username=${SUPERUSER}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-instructions',
  ];
  // Nothing is inherited: neither a locale nor PGDATA may change what is made.
  const child = spawn(program, args, { ...runAs(account), env: { LC_ALL: 'C', TZ: 'UTC' } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`The database in ${data} could not be made:\n${said.trim()}`);
}
