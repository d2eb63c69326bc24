// A program built once by Go into a cache folder, for every checkout on this machine.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { debianProgram } from './debian.mjs';
import { withLock } from './lock.mjs';
import { Unavailable } from './unavailable.mjs';

const FETCH_TIMEOUT_MS = 10 * 60_000;

/**
 * @param {object} options
 * @param {string} options.name of the program
 * @param {string} options.module that has it
 * @param {string} options.version
 * @param {(go: { command: string, env?: object }) => void} [options.check] throws where this Go will not do
 * @param {(line: string) => void} options.say
 * @returns {string} the program
 * @throws {Unavailable} where it is not here and cannot be had
 */
export function goProgram({ name, module, version, check = () => undefined, say }) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairline', name);
  const program = join(cache, version, name);
  if (!existsSync(program)) {
    mkdirSync(cache, { recursive: true });
    // Another run may be at it: wait for it, and look again.
    withLock(join(cache, `.lock-${version}`), () => existsSync(program) || build());
  }
  return program;

  function build() {
    const go = debianProgram({ program: 'go', package: 'golang-go', say });
    check(go);
    const work = mkdtempSync(join(cache, 'work-'));
    try {
      say(`building ${name} ${version} by Go…`);
      const { status, stderr, error } = spawnSync(go.command, ['install', `${module}@${version}`], {
        cwd: work,
        env: { ...go.env, GOBIN: work },
        encoding: 'utf8',
        timeout: FETCH_TIMEOUT_MS,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      if (status !== 0) {
        const why = error?.message ?? stderr.trim().split('\n').at(-1);
        throw new Unavailable(`${name} could not be built by Go (${why})`);
      }
      renameSync(work, join(cache, version));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}
