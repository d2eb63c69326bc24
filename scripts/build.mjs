// Builds `dist/` when a source is newer than the last successful build.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withLock } from './support/lock.mjs';

export const root = new URL('../', import.meta.url);
const path = (name) => fileURLToPath(new URL(name, root));
const stamp = path('dist/.built');

/** Modification time in ms, 0 where there is no such file. */
const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const newest = (name) => {
  const entry = path(name);
  if (!statSync(entry, { throwIfNoEntry: false })?.isDirectory()) return modified(entry);
  return Math.max(
    modified(entry),
    ...readdirSync(entry, { recursive: true, withFileTypes: true }).map((e) =>
      modified(`${e.parentPath}/${e.name}`),
    ),
  );
};

const sources = [
  'src',
  'bench',
  'scripts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
];

/** Compiles when stale. Exits the process with the compiler's code where it fails. */
export function ensureBuilt() {
  if (isFresh()) return;
  mkdirSync(path('dist'), { recursive: true });
  // Another command may be at it: wait for it, and look again.
  const status = withLock(path('dist/.lock'), () => (isFresh() ? 0 : build()));
  if (status !== 0) process.exit(status);
}

function isFresh() {
  const built = modified(stamp);
  return built > 0 && sources.every((name) => newest(name) <= built);
}

/** @returns {number} the compiler's exit code */
function build() {
  const started = new Date();
  process.stderr.write('building…\n');
  rmSync(stamp, { force: true });
  const { status } = spawnSync(process.execPath, [path('node_modules/@nestjs/cli/bin/nest.js'), 'build'], {
    cwd: path('.'),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) return status ?? 1;
  writeFileSync(stamp, started.toISOString());
  utimesSync(stamp, started, started);
  return 0;
}
