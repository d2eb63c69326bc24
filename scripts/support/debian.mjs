// Programs of Debian's packages: found, installed by root, or unpacked into a cache folder by anybody else.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, relative } from 'node:path';
import { Unavailable } from './unavailable.mjs';

/** @typedef {{ command: string, env: Record<string, string | undefined> }} Program how to run it */

const NETWORK_TIMEOUT = [
  '-o',
  'Acquire::http::Timeout=20',
  '-o',
  'Acquire::https::Timeout=20',
  '-o',
  'Acquire::Retries=1',
];

/**
 * @param {{ program: string, package: string, say: (line: string) => void }} wanted
 * @returns {Program}
 * @throws {Unavailable} where it is not here and cannot be had
 */
export function debianProgram({ program, package: name, say }) {
  const found = onPath(program);
  if (found !== null) return { command: found, env: process.env };
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairline', 'debian', name);
  const unpacked = inCache(cache, program);
  if (unpacked !== null) return unpacked;
  if (onPath('apt-get') === null) {
    throw new Unavailable(`no ${program} on this machine, and no apt-get to get it: install ${program}`);
  }
  if (process.getuid?.() === 0) {
    install(name, say);
    const installed = onPath(program);
    if (installed === null) throw new Unavailable(`Debian's package ${name} holds no ${program}`);
    return { command: installed, env: process.env };
  }
  unpack(name, cache, say);
  const made = inCache(cache, program);
  if (made === null) throw new Unavailable(`Debian's package ${name} holds no ${program}`);
  return made;
}

/** The full path of a program; servers are often outside an ordinary user's PATH. */
export function onPath(program) {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/bin',
    '/usr/bin',
    '/usr/sbin',
    '/opt/homebrew/bin',
  ];
  for (const folder of folders.filter((name) => name !== '')) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      // not in this folder
    }
  }
  return null;
}

/** @returns {Program | null} */
function inCache(cache, program) {
  const root = join(cache, 'root');
  const java = join(root, 'usr/lib/jvm');
  const runtimes = existsSync(java) ? readdirSync(java).map((name) => `usr/lib/jvm/${name}/bin`) : [];
  const command = ['usr/bin', 'usr/sbin', 'bin', 'usr/share/maven/bin', ...runtimes]
    .map((bin) => join(root, bin, program))
    .find((file) => existsSync(file));
  if (command === undefined) return null;
  return { command, env: { ...process.env, LD_LIBRARY_PATH: libraries(root).join(delimiter) } };
}

function libraries(root) {
  const folders = ['usr/lib', 'lib'].map((name) => join(root, name)).filter((folder) => existsSync(folder));
  return folders.flatMap((folder) => [folder, ...readdirSync(folder).map((name) => join(folder, name))]);
}

function install(name, say) {
  say(`installing Debian's ${name}…`);
  // Run level 1: the package must not start a server of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const args = [...NETWORK_TIMEOUT, '-o', 'DPkg::Lock::Timeout=300', '-y', '--no-install-recommends'];
  if (run('apt-get', ['install', ...args, name], { env }).ok) return;
  run('apt-get', ['update', ...NETWORK_TIMEOUT], { env });
  const second = run('apt-get', ['install', ...args, name], { env });
  if (!second.ok) throw new Unavailable(`apt-get install ${name} failed (${second.why}): install it by hand`);
}

function unpack(name, cache, say) {
  say(`unpacking Debian's ${name} into ${cache}…`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'work-'));
  try {
    download(name, cache, work);
    const root = join(work, 'root');
    for (const file of readdirSync(work).filter((entry) => entry.endsWith('.deb'))) {
      const { ok, why } = run('dpkg', ['-x', join(work, file), root]);
      if (!ok) throw new Unavailable(`dpkg -x ${file} failed (${why}): install ${name} by hand`);
    }
    relink(root);
    rmSync(join(cache, 'root'), { recursive: true, force: true });
    renameSync(root, join(cache, 'root'));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A link to `/etc/maven` means the one that was unpacked beside it. */
function relink(root) {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const link = join(entry.parentPath, entry.name);
    const target = readlinkSync(link);
    if (!isAbsolute(target) || !existsSync(join(root, target))) continue;
    rmSync(link);
    symlinkSync(relative(entry.parentPath, join(root, target)), link);
  }
}

/** First with the machine's package lists, then with lists of our own: images are often shipped without any. */
function download(name, cache, work) {
  const lists = join(cache, 'lists');
  const own = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${join(cache, 'apt')}`];
  const first = downloadWith([], name, work);
  if (first.ok) return;
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(cache, 'apt/archives/partial'), { recursive: true });
  run('apt-get', ['update', ...NETWORK_TIMEOUT, ...own]);
  const second = downloadWith(own, name, work);
  if (!second.ok)
    throw new Unavailable(`apt-get download ${name} failed (${second.why}): install ${name} by hand`);
}

function downloadWith(options, name, work) {
  const missing = [name, ...missingDependencies(options, name)];
  return run('apt-get', ['download', ...NETWORK_TIMEOUT, ...options, ...missing], { cwd: work });
}

function missingDependencies(options, name) {
  const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (kind) => `--no-${kind}`,
  );
  const { stdout } = run('apt-cache', ['depends', '--recurse', ...without, ...options, name]);
  const names = stdout.split('\n').filter((line) => /^[a-z0-9]/.test(line));
  return [...new Set(names)].filter(
    (other) => other !== name && !isInstalled(other) && isReal(options, other),
  );
}

const isInstalled = (name) =>
  run('dpkg-query', ['-W', '-f', '${db:Status-Status}', name]).stdout.includes('installed');

const isReal = (options, name) =>
  /Candidate: (?!\(none\))/.test(run('apt-cache', ['policy', ...options, name]).stdout);

/** @returns {{ ok: boolean, why: string, stdout: string }} */
function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    env: { ...(options.env ?? process.env), LC_ALL: 'C' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  const why = error?.message ?? stderr?.trim().split('\n').at(-1) ?? '';
  return { ok: status === 0, why: why || `exit code ${status}`, stdout: stdout ?? '' };
}
