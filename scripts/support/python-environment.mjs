// Programs and libraries of PyPI, each in a virtual environment of its own in the cache folder.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { debianProgram } from './debian.mjs';
import { withLock } from './lock.mjs';
import { Unavailable } from './unavailable.mjs';

const FETCH_TIMEOUT_MS = 10 * 60_000;

/**
 * @param {object} wanted
 * @param {string} wanted.name for people, and of the folder
 * @param {string} wanted.version of the whole: another one is installed beside
 * @param {readonly string[]} wanted.packages as pip takes them, each with its version
 * @param {readonly [number, number]} wanted.python the first Python that they run on
 * @param {(line: string) => void} wanted.say
 * @returns {string} the folder of its programs, installed once
 * @throws {Unavailable} where it is not here and cannot be had
 */
export function pythonEnvironment({ name, version, packages, python: needed, say }) {
  const python = findPython(needed, `${name} ${version}`, say);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairline', name);
  const folder = join(cache, `${version}-python${python.version}`);
  // Written last: an installation that broke off is none.
  const whole = join(folder, 'whole');
  const install = () => {
    say(`installing ${name} ${version} from PyPI…`);
    rmSync(folder, { recursive: true, force: true });
    makeEnvironment(python, folder, say);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
    const { ok, why } = run(join(folder, 'bin', 'python'), pip, { timeout: FETCH_TIMEOUT_MS });
    if (!ok) throw new Unavailable(`pip could not install ${name} (${why}): is PyPI reachable?`);
    writeFileSync(whole, '');
  };
  if (!existsSync(whole)) {
    mkdirSync(cache, { recursive: true });
    // Another run may be at it: wait for it, and look again.
    withLock(join(cache, `.lock-${version}`), () => existsSync(whole) || install());
  }
  return join(folder, 'bin');
}

function findPython([needed, least], what, say) {
  const { command, env } = debianProgram({ program: 'python3', package: 'python3', say });
  const { stdout } = run(command, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { env });
  const [major = 0, minor = 0] = stdout.trim().split('.').map(Number);
  if (major < needed || (major === needed && minor < least)) {
    throw new Unavailable(
      `${what} needs Python ${needed}.${least} or later, and ${command} is ${stdout.trim()}`,
    );
  }
  return { command, env, version: `${major}.${minor}` };
}

/**
 * By Python's own module, which Debian leaves out of Python, or else by virtualenv. A virtual environment knows its own
 * folder, so it is made where it stays.
 */
function makeEnvironment({ command, env }, folder, say) {
  const own = run(command, ['-m', 'venv', folder], { env });
  if (own.ok) return;
  rmSync(folder, { recursive: true, force: true });
  const virtualenv = debianProgram({ program: 'virtualenv', package: 'virtualenv', say });
  const other = run(virtualenv.command, ['--quiet', '--python', command, folder], { env: virtualenv.env });
  if (!other.ok) {
    throw new Unavailable(
      `${command} makes no virtual environment (${own.why}), nor does virtualenv (${other.why}): install python3-venv`,
    );
  }
}

function run(command, args, options) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const why = error?.message ?? stderr?.trim().split('\n').at(-1) ?? '';
  return { ok: status === 0, why: why || `exit code ${status}`, stdout: stdout ?? '' };
}
