import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const BOOT = '/proc/sys/kernel/random/boot_id';

/**
 * A living process, told apart from any later one with the same number by when it began.
 * @returns null where there is no such process, or only its zombie.
 */
export function identityOf(pid: number): string | null {
  const began = process.platform === 'linux' ? beganOnLinux(pid) : beganByPs(pid);
  return began === null ? null : `${pid}:${began}`;
}

/** Whether the process that `identityOf` described is still there. */
export function isLiving(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return Number.isInteger(pid) && pid > 0 && identityOf(pid) === identity;
}

/** The words of a living process' command line; empty where it cannot be read. */
export function commandOf(pid: number): readonly string[] {
  const text =
    process.platform === 'linux'
      ? readOrNull(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ')
      : ps(pid, 'command=');
  return text === undefined || text === null ? [] : text.trim().split(/\s+/);
}

function beganOnLinux(pid: number): string | null {
  const stat = readOrNull(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name in parentheses may hold anything, so fields are counted from behind it: state, …, start (22nd of all).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, began] = [fields[0], fields[19]];
  if (began === undefined || state === 'Z' || state === 'X') return null;
  return `${began}:${(readOrNull(BOOT) ?? '').slice(0, 8)}`;
}

function beganByPs(pid: number): string | null {
  const line = ps(pid, 'stat=,lstart=');
  if (line === null || line === '' || line.startsWith('Z')) return null;
  return line
    .replace(/^\S+\s+/, '')
    .trim()
    .replaceAll(/\s+/g, '_');
}

function ps(pid: number, columns: string): string | null {
  try {
    return execFileSync('ps', ['-o', columns, '-p', String(pid)], {
      encoding: 'utf8',
      env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
