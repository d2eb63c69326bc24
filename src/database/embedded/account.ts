import { execFileSync, spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';

/** The user that the server runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

const SYSTEM_PATH = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const OWN_NAME = 'fairline';

/**
 * PostgreSQL refuses to run as root: root gets an unprivileged account for it, made when the machine has none.
 * @param data the PostgreSQL data folder where there is one already: its owner stays the one.
 * @returns null for anybody but root: the server then runs as this process' own user.
 */
export async function accountFor(data: string | null): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = data === null ? null : await stat(data);
  if (owner !== null && owner.uid !== 0) {
    return { uid: owner.uid, gid: owner.gid, name: nameOf(owner.uid) };
  }
  const found = lookup('postgres') ?? lookup(OWN_NAME) ?? create() ?? lookup('nobody');
  if (found === null) {
    throw new Error(
      'PostgreSQL does not run as root, and this machine has no unprivileged user for it: ' +
        `make one (useradd --system ${OWN_NAME}), start as another user, or set DATABASE_URL`,
    );
  }
  return found;
}

/** Whether the account can pass through the folder: tried, because access lists and mounts have their say too. */
export function canEnter(account: Account, folder: string): boolean {
  const { status } = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    ...runAs(account),
    stdio: 'ignore',
    env: SYSTEM_PATH,
  });
  return status === 0;
}

/** Options of `spawn` for running as the account. Its working directory is one that every user can enter. */
export function runAs(account: Account | null): { cwd: string; uid?: number; gid?: number } {
  return account === null ? { cwd: '/' } : { cwd: '/', uid: account.uid, gid: account.gid };
}

function lookup(name: string): Account | null {
  const [uid, gid] = [id('-u', name), id('-g', name)].map((text) => Number(text || 'none'));
  if (uid === undefined || gid === undefined || !(uid > 0) || !(gid > 0)) return null;
  return { uid, gid, name };
}

function nameOf(uid: number): string {
  return id('-nu', String(uid)) || String(uid);
}

function id(option: string, name: string): string {
  try {
    return execFileSync('id', [option, name], {
      encoding: 'utf8',
      env: SYSTEM_PATH,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

function create(): Account | null {
  // Either may be missing (BusyBox has the second only), and another process may win the race: the lookup tells.
  const attempts: [string, string[]][] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', OWN_NAME]],
    ['adduser', ['-S', '-D', '-H', OWN_NAME]],
  ];
  for (const [command, args] of attempts) {
    spawnSync(command, args, { stdio: 'ignore', env: SYSTEM_PATH });
    const made = lookup(OWN_NAME);
    if (made !== null) return made;
  }
  return null;
}
