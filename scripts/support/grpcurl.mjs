// grpcurl, as anybody would use it against a server: found, or built once by Go into a cache folder.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { debianProgram } from './debian.mjs';
import { withLock } from './lock.mjs';
import { Unavailable } from './unavailable.mjs';

const VERSION = 'v1.9.3';
const MODULE = 'github.com/fullstorydev/grpcurl/cmd/grpcurl';
const FETCH_TIMEOUT_MS = 10 * 60_000;

/**
 * @param {(line: string) => void} [say]
 * @returns {string} the program
 * @throws {Unavailable} where it is not here and cannot be had
 */
export function grpcurl(say = () => undefined) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairline', 'grpcurl');
  const program = join(cache, VERSION, 'grpcurl');
  if (!existsSync(program)) {
    mkdirSync(cache, { recursive: true });
    // Another run may be at it: wait for it, and look again.
    withLock(join(cache, `.lock-${VERSION}`), () => existsSync(program) || build(cache, say));
  }
  return program;
}

function build(cache, say) {
  const go = debianProgram({ program: 'go', package: 'golang-go', say });
  const work = mkdtempSync(join(cache, 'work-'));
  try {
    say(`building grpcurl ${VERSION} by Go…`);
    const { status, stderr, error } = spawnSync(go.command, ['install', `${MODULE}@${VERSION}`], {
      cwd: work,
      env: { ...go.env, GOBIN: work },
      encoding: 'utf8',
      timeout: FETCH_TIMEOUT_MS,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0) {
      const why = error?.message ?? stderr.trim().split('\n').at(-1);
      throw new Unavailable(`grpcurl could not be built by Go (${why})`);
    }
    renameSync(work, join(cache, VERSION));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
