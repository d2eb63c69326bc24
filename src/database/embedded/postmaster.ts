import { spawn } from 'node:child_process';
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, runAs } from './account.js';
import { dataOf } from './folder.js';
import { freePort } from './free-port.js';
import { commandOf, identityOf } from './process-identity.js';
import { serverArguments } from './settings.js';

/** A living server of a data folder. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Where its local socket lies; null where it has none. */
  readonly socketFolder: string | null;
}

const POLL_MS = 15;
/** Recovery after a crash of the machine reads up to `max_wal_size` of log. */
const START_PATIENCE_MS = 300_000;
const END_PATIENCE_MS = 5000;
const STOP_PATIENCE_MS = 30_000;
const START_ATTEMPTS = 20;
const RETRY_MS = 500;
const LOG_LIMIT_BYTES = 16_000_000;

/**
 * The living server of this folder once it takes connections; null where there is none. One that is starting is
 * waited for, one that is stopping until it is gone.
 */
export async function livingPostmaster(folder: string): Promise<Postmaster | null> {
  const until = Date.now() + START_PATIENCE_MS;
  for (;;) {
    const file = await readPidFile(folder);
    if (file === null || !isServerOf(folder, file.pid)) return null;
    if (file.ready) return file;
    if (Date.now() > until) {
      throw new Error(`The PostgreSQL of ${folder} (process ${file.pid}) neither gets ready nor ends`);
    }
    await sleep(POLL_MS);
  }
}

/** Whether this server, which refused us, is on its way out: a killed process still looks alive for a moment. */
export async function endsSoon(server: Postmaster): Promise<boolean> {
  const until = Date.now() + END_PATIENCE_MS;
  while (identityOf(server.pid) !== null) {
    if (Date.now() > until) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/**
 * Starts a server on this folder, which has none; where a killed one left its port free, there, so that whoever was
 * connected finds it again. It outlives this process unless it is stopped.
 */
export async function startPostmaster(
  program: string,
  folder: string,
  account: Account | null,
): Promise<Postmaster> {
  let lastPort = (await readPidFile(folder))?.port || null;
  await disownPidFile(folder);
  await removeSockets(folder);
  let withSocket = true;
  for (let attempt = 1; ; attempt++) {
    const outcome = await launch(program, folder, account, {
      ...{ port: lastPort ?? (await freePort()), withSocket },
    });
    if (typeof outcome !== 'string') return outcome;
    // Both pass: somebody took the port, or children of a killed server have not noticed its death yet.
    // Some file systems hold no sockets: it goes by TCP alone then.
    if (/could not create any Unix-domain socket/i.test(outcome)) withSocket = false;
    const passing =
      /could not (bind|create any Unix-domain|create any TCP)|Address already in use|shared memory block/i.test(
        outcome,
      );
    if (!passing || attempt >= START_ATTEMPTS) {
      throw new Error(`The embedded PostgreSQL in ${folder} does not start:\n${outcome}`);
    }
    if (!/shared memory block/i.test(outcome)) lastPort = null;
    await sleep(RETRY_MS);
  }
}

/** Stops the folder's server: clients are disconnected and everything is written down. No-op when there is none. */
export async function stopPostmaster(folder: string): Promise<void> {
  const signals: [NodeJS.Signals, number][] = [
    ['SIGINT', STOP_PATIENCE_MS],
    // "Immediate": no checkpoint, so the next start recovers from the log. Nothing committed is lost.
    ['SIGQUIT', STOP_PATIENCE_MS],
  ];
  for (const [signal, patience] of signals) {
    const file = await readPidFile(folder);
    if (file === null || !isServerOf(folder, file.pid)) return;
    sendSignal(file.pid, signal);
    const until = Date.now() + patience;
    while (Date.now() < until) {
      if (identityOf(file.pid) === null) return;
      await sleep(POLL_MS);
    }
  }
  throw new Error(`The embedded PostgreSQL in ${folder} does not stop`);
}

/** `SIGKILL` to the folder's server, and waits for its end. Its sessions notice by themselves. No-op without one. */
export async function killPostmaster(folder: string): Promise<void> {
  const file = await readPidFile(folder);
  if (file === null || !isServerOf(folder, file.pid)) return;
  sendSignal(file.pid, 'SIGKILL');
  if (!(await endsSoon(file))) throw new Error(`The embedded PostgreSQL in ${folder} cannot be killed`);
}

/** The server, or the end of its log when it ended before it was ready. */
async function launch(
  program: string,
  folder: string,
  account: Account | null,
  { port, withSocket }: { readonly port: number; readonly withSocket: boolean },
): Promise<Postmaster | string> {
  const log = join(folder, 'server.log');
  const size = (await stat(log).catch(() => null))?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) await rename(log, `${log}.1`);
  const output = await open(log, 'a', 0o600);
  try {
    const from = (await output.stat()).size;
    const server = spawn(program, serverArguments(dataOf(folder), port, withSocket), {
      ...runAs(account),
      env: { LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', output.fd, output.fd],
      // A session of its own: Ctrl-C in the terminal must reach the application alone, which drains first.
      detached: true,
    });
    const ended = new Promise<string>((resolve) => {
      server.once('error', (error) => {
        resolve(error.message);
      });
      server.once('exit', () => {
        resolve(tail(log, from));
      });
    });
    server.unref();
    const started = readiness(folder, () => server.pid);
    try {
      return await Promise.race([started.ready, ended]);
    } finally {
      started.cancel();
    }
  } finally {
    await output.close();
  }
}

function readiness(
  folder: string,
  pid: () => number | undefined,
): { ready: Promise<Postmaster>; cancel: () => void } {
  let cancelled = false;
  const poll = async (): Promise<Postmaster> => {
    const until = Date.now() + START_PATIENCE_MS;
    for (;;) {
      const file = await readPidFile(folder);
      if (file !== null && file.ready && file.pid === pid()) return file;
      if (cancelled || Date.now() > until) throw new Error(`The PostgreSQL of ${folder} does not get ready`);
      await sleep(POLL_MS);
    }
  };
  const ready = poll();
  // After a lost race nobody looks at it any more.
  ready.catch(() => undefined);
  return {
    ready,
    cancel: () => {
      cancelled = true;
    },
  };
}

async function tail(log: string, from: number): Promise<string> {
  const text = (await readFile(log)).subarray(from).toString('utf8').trim();
  return text.split('\n').slice(-12).join('\n') || 'it ended without a word';
}

const pidFile = (folder: string): string => join(dataOf(folder), 'postmaster.pid');

/** Lines: process, data folder, start time, port, socket folder, address, shared memory, status. */
async function readPidFile(folder: string): Promise<(Postmaster & { ready: boolean }) | null> {
  const lines = (await readFile(pidFile(folder), 'utf8').catch(() => '')).split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  if (!(pid > 0)) return null;
  return {
    pid,
    port: Number.parseInt(lines[3] ?? '0', 10),
    socketFolder: lines[4]?.trim() || null,
    ready: lines[7]?.trim() === 'ready',
  };
}

/** The number may have been given to another program since: its command line decides. */
function isServerOf(folder: string, pid: number): boolean {
  if (identityOf(pid) === null) return false;
  const [program, ...args] = commandOf(pid);
  return program !== undefined && basename(program) === 'postgres' && args.join(' ').includes(dataOf(folder));
}

/**
 * A dead server's file stops the next one where its number belongs to another program now. The file is not deleted:
 * its other lines let PostgreSQL wait for orphans of the dead one. Naming its parent tells it that the file is stale.
 */
async function disownPidFile(folder: string): Promise<void> {
  const text = await readFile(pidFile(folder), 'utf8').catch(() => null);
  if (text === null) return;
  await writeFile(pidFile(folder), text.replace(/^[^\n]*/, String(process.pid)));
}

/** A dead server's sockets: their lock would stop the next one where its number belongs to another program now. */
async function removeSockets(folder: string): Promise<void> {
  const names = await readdir(dataOf(folder));
  const left = names.filter((name) => name.startsWith('.s.PGSQL.'));
  await Promise.all(left.map((name) => rm(join(dataOf(folder), name), { force: true })));
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Gone in the meantime is what was wanted.
    if (identityOf(pid) !== null) throw error;
  }
}
