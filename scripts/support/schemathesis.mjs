// Schemathesis, which tests an API by what its OpenAPI document says: from PyPI, into a cache folder.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { debianProgram } from './debian.mjs';
import { withLock } from './lock.mjs';
import { Unavailable } from './unavailable.mjs';

const VERSION = '4.32.5';
/** The first Python that it runs on. */
const PYTHON_NEEDED = [3, 11];
const FETCH_TIMEOUT_MS = 10 * 60_000;

/**
 * @param {(line: string) => void} say
 * @returns {string} the program, installed once
 * @throws {Unavailable} where it is not here and cannot be had
 */
export function schemathesis(say) {
  const python = findPython(say);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairline', 'schemathesis');
  const folder = join(cache, `${VERSION}-python${python.version}`);
  // Written last: an installation that broke off is none.
  const whole = join(folder, 'whole');
  if (!existsSync(whole)) {
    mkdirSync(cache, { recursive: true });
    // Another run may be at it: wait for it, and look again.
    withLock(join(cache, `.lock-${VERSION}`), () => existsSync(whole) || install(python, folder, say));
  }
  return join(folder, 'bin', 'schemathesis');
}

function findPython(say) {
  const { command, env } = debianProgram({ program: 'python3', package: 'python3', say });
  const { stdout } = run(command, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { env });
  const [major = 0, minor = 0] = stdout.trim().split('.').map(Number);
  const [needed, least] = PYTHON_NEEDED;
  if (major < needed || (major === needed && minor < least)) {
    throw new Unavailable(
      `Schemathesis ${VERSION} needs Python ${PYTHON_NEEDED.join('.')} or later, and ${command} is ${stdout.trim()}`,
    );
  }
  return { command, env, version: `${major}.${minor}` };
}

/** A virtual environment knows its own folder, so it is made where it stays. */
function install(python, folder, say) {
  say(`installing Schemathesis ${VERSION} from PyPI…`);
  rmSync(folder, { recursive: true, force: true });
  makeEnvironment(python, folder, say);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`];
  const { ok, why } = run(join(folder, 'bin', 'python'), pip, { timeout: FETCH_TIMEOUT_MS });
  if (!ok) throw new Unavailable(`pip could not install Schemathesis (${why}): is PyPI reachable?`);
  writeFileSync(join(folder, 'whole'), '');
}

/** By Python's own module, which Debian leaves out of Python, or else by virtualenv. */
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
