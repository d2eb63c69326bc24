import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface LoadResult {
  /** Answers that were 202 with all members a client relies on. */
  readonly good: number;
  readonly bad: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** @throws Error with the remedy where the load generator is not to be had */
export function ensureGenerator(): void {
  if (spawnSync('wrk', ['-v']).error === undefined) return;
  if (process.getuid?.() === 0) {
    process.stderr.write('installing wrk…\n');
    spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '-q', 'wrk'], { stdio: 'ignore' });
    if (spawnSync('wrk', ['-v']).error === undefined) return;
  }
  throw new Error(
    'The load generator wrk is missing: install it with your package manager (Debian: apt-get install wrk)',
  );
}

const RESULT = /RESULT good=(\d+) bad=(\d+) us=(\d+) p50=(\d+) p99=(\d+) sample=(.*)/;

/**
 * Loads `POST /api/bookings` of a server for so many seconds, each request with its own line of `tokens` where that file
 * is given. @throws Error where an answer was not the expected one
 */
export async function load(
  root: string,
  url: string,
  event: string,
  options: { readonly seconds: number; readonly connections: number; readonly tokens?: string },
): Promise<LoadResult> {
  const script = join(root, 'bench/accept/load.lua');
  const { stdout } = await run('wrk', [
    '-t1',
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    '-s',
    script,
    url,
    event,
    ...(options.tokens === undefined ? [] : [options.tokens]),
  ]);
  const found = RESULT.exec(stdout);
  if (found === null) throw new Error(`wrk said: ${stdout}`);
  const [good = 0, bad = 0, us = 1, p50 = 0, p99 = 0] = found.slice(1, 6).map(Number);
  if (bad > 0)
    throw new Error(`${bad} of ${good + bad} answers of ${url} were wrong, such as: ${found[6] ?? ''}`);
  return { good, bad, perSecond: (good * 1e6) / us, p50Ms: p50 / 1000, p99Ms: p99 / 1000 };
}
