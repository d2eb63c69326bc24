import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf, isLiving } from './process-identity.js';

/**
 * Who uses a folder's server: one file per user, naming its process. The last one to leave stops the server; a process
 * that died without leaving does not count. All of it is called under the folder's lock.
 */
export async function enter(folder: string): Promise<string> {
  const name = join(usersOf(folder), `${process.pid}-${randomUUID()}`);
  await mkdir(usersOf(folder), { recursive: true });
  await writeFile(name, identityOf(process.pid) ?? '');
  return name;
}

/** Ends one use. */
export async function leave(user: string): Promise<void> {
  await rm(user, { force: true });
}

/** Whether a living process uses the server. */
export async function isInUse(folder: string): Promise<boolean> {
  let living = false;
  for (const name of await readdir(usersOf(folder)).catch(() => [])) {
    const file = join(usersOf(folder), name);
    if (isLiving(await readFile(file, 'utf8').catch(() => ''))) living = true;
    else await rm(file, { force: true });
  }
  return living;
}

const usersOf = (folder: string): string => join(folder, 'users');
