import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';

const POLL_MS = 50;

/**
 * Runs `work` while no other process of this machine holds `path`. The lock is a symbolic link whose target names
 * the holder, so that it is made in one step and a dead holder's can be told.
 * @template T
 * @param {string} path
 * @param {() => T} work
 * @returns {T}
 */
export function withLock(path, work) {
  const mine = `${processName(process.pid)}/${randomUUID()}`;
  while (!tryLink(mine, path)) {
    const holder = target(path);
    if (holder === null) continue;
    const pid = Number.parseInt(holder, 10);
    if (processName(pid) === holder.split('/')[0]) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    } else {
      removeStale(path, holder);
    }
  }
  try {
    return work();
  } finally {
    if (target(path) === mine) unlinkSync(path);
  }
}

/** Moving is atomic: of several that find a dead holder's lock, one moves it away. One that moved a living one's puts it back. */
function removeStale(path, holder) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = target(aside);
  unlinkSync(aside);
  if (moved !== null && moved !== holder) tryLink(moved, path);
}

function tryLink(content, path) {
  try {
    symlinkSync(content, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function target(path) {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** The number, and where the system tells it the start time, so that a later process with that number is another. */
function processName(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return null;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid}-${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return String(pid);
  }
}
