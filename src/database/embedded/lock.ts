import { createHash, randomUUID } from 'node:crypto';
import { readlink, symlink, unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, isLiving } from './process-identity.js';

const POLL_MS = 25;

/**
 * Runs `work` while no other process (and no other call in this one) holds `path`.
 *
 * The lock is a symbolic link whose target names its holder: made with its content in one step, and readable
 * after a `SIGKILL`. A dead holder's lock is removed; who may remove it is settled by a lock of its own, so that
 * nobody removes what a third process has taken in the meantime.
 * @throws Error when a living process held it for longer than `patienceMs`.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, patienceMs = 300_000): Promise<T> {
  const mine = `${identityOf(process.pid) ?? String(process.pid)}/${randomUUID()}`;
  await acquire(path, mine, Date.now() + patienceMs);
  try {
    return await work();
  } finally {
    if ((await holderOf(path)) === mine) await unlink(path);
  }
}

async function acquire(path: string, mine: string, until: number): Promise<void> {
  while (!(await tryLink(mine, path))) {
    const holder = await holderOf(path);
    if (holder === null) continue;
    if (!isLiving(holder.split('/')[0] ?? '')) {
      await removeStale(path, holder, until);
    } else if (Date.now() > until) {
      throw new Error(`Process ${Number.parseInt(holder, 10)} holds ${path} for too long`);
    } else {
      await sleep(POLL_MS);
    }
  }
}

async function removeStale(path: string, holder: string, until: number): Promise<void> {
  const digest = createHash('sha256').update(holder).digest('hex').slice(0, 16);
  await withLock(
    `${path}.${digest}`,
    async () => {
      if ((await holderOf(path)) === holder) await unlink(path);
    },
    Math.max(0, until - Date.now()),
  );
}

async function tryLink(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function holderOf(path: string): Promise<string | null> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Not `instanceof Error`: a test runner has an `Error` of its own. */
function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
