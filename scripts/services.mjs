// Services for tests: `npm run -s services -- up redis` prints `export NAME=value` lines for a shell's `eval`.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Unavailable } from './support/unavailable.mjs';

const PREFIX = 'fairline-services-';
const STATE = 'state.json';
const ALWAYS = 'postgres';
const checkout = fileURLToPath(new URL('../', import.meta.url));
const say = (line) => process.stderr.write(`${line}\n`);

const USAGE = `npm run services -- up|down|status [service…] [--state FILE]

  up      starts a PostgreSQL and the services named (${optional().join(', ')}); what DATABASE_URL, REDIS_URL and so
          on name is used as it is. Prints "export NAME=value" lines: eval "$(npm run -s services -- up redis)"
  down    stops what "up" started, and deletes its folders
  status  tells what is there

State is kept in a temporary folder, or in the file given by --state. REQUIRE_SERVICES=redis makes "up" fail
where Redis cannot be had; else it prints "SKIPPED redis: reason and remedy".`;

/** @typedef {{ variable: string, url: string, owned: boolean, details?: object }} Entry */
/** @typedef {{ checkout: string, folder: string, services: Record<string, Entry> }} State */

/** Every service but the one that is always there: each is a file of `services/`. */
function optional() {
  const files = readdirSync(new URL('./services/', import.meta.url)).filter((name) => name.endsWith('.mjs'));
  return files.map((name) => name.replace('.mjs', '')).filter((name) => name !== ALWAYS);
}

const load = (name) => import(`./services/${name}.mjs`);

async function up(names, named) {
  const { file, state } = newState(named);
  const required = (process.env.REQUIRE_SERVICES ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  for (const name of new Set([ALWAYS, ...names])) {
    try {
      const entry = await bring(name, state, file);
      process.stdout.write(`export ${entry.variable}='${entry.url}'\n`);
      say(`${name}: ${entry.owned ? 'started' : `as ${entry.variable} says`}`);
    } catch (error) {
      if (!(error instanceof Unavailable)) say(String(error?.stack ?? error));
      const { remedy } = await load(name);
      say(`SKIPPED ${name}: ${String(error?.message ?? error).split('\n')[0]}; or ${remedy}`);
      if (name === ALWAYS || required.includes(name) || !(error instanceof Unavailable)) {
        await takeDown(file);
        return 1;
      }
    }
  }
  process.stdout.write(`export FAIRLINE_SERVICES='${file}'\n`);
  return 0;
}

/** @returns {Promise<Entry>} */
async function bring(name, state, file) {
  const service = await load(name);
  const given = process.env[service.variable];
  if (given) {
    if (!(await service.reachable(given))) throw new Unavailable(`nothing answers at ${service.variable}`);
    return { variable: service.variable, url: given, owned: false };
  }
  const folder = join(state.folder, name);
  mkdirSync(folder);
  const entry = { variable: service.variable, url: '', owned: true };
  const record = (details) => {
    // Written before anything starts, so that "down" finds it after a kill as well.
    state.services[name] = { ...entry, details };
    save(file, state);
  };
  entry.url = await service.up({ folder, say, record });
  record(state.services[name].details);
  return entry;
}

/** @returns {Promise<boolean>} whether everything could be stopped; the state of what could not is kept */
async function takeDown(file) {
  const state = read(file);
  for (const [name, { details }] of Object.entries(state.services)) {
    try {
      await (await load(name)).down(details);
      delete state.services[name];
      say(`${name}: stopped`);
    } catch (error) {
      say(`${name}: could not be stopped: ${error?.stack ?? error}`);
    }
  }
  save(file, state);
  if (Object.keys(state.services).length > 0) return false;
  rmSync(state.folder, { recursive: true, force: true });
  rmSync(file, { force: true });
  return true;
}

async function status(files) {
  if (files.length === 0) process.stdout.write('nothing started here is up\n');
  for (const file of files) {
    process.stdout.write(`${file}\n`);
    for (const [name, { url, details }] of Object.entries(read(file).services)) {
      const alive = await (await load(name)).isUp(details);
      process.stdout.write(
        `  ${name}: ${alive ? `up at ${url.replace(/:[^:@/]*@/, ':***@')}` : 'not running'}\n`,
      );
    }
  }
  return 0;
}

/**
 * @param {string | undefined} named
 * @returns {{ file: string, state: State }}
 */
function newState(named) {
  if (named !== undefined && existsSync(named)) {
    throw new Error(`${named} exists: take it down first (npm run services -- down --state ${named})`);
  }
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // A server that root may not run as itself needs to pass through.
  chmodSync(folder, 0o711);
  const file = named ?? join(folder, STATE);
  const state = { checkout, folder, services: {} };
  save(file, state);
  return { file, state };
}

/** The state holds passwords; replaced in one step, so that a reader never sees half of it. */
function save(file, state) {
  writeFileSync(`${file}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** @returns {State} */
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** The state files to act on: the one named, or those that this checkout's "up" left in the temporary folder. */
function known(named) {
  if (named !== undefined) return existsSync(named) ? [named] : [];
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(tmpdir(), name, STATE))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.uid === process.getuid?.())
    .filter((file) => read(file).checkout === checkout);
}

const { values, positionals } = parseArgs({ options: { state: { type: 'string' } }, allowPositionals: true });
const [command, ...names] = positionals;
const named = values.state ?? process.env.FAIRLINE_SERVICES;
const unknown = names.filter((name) => name !== ALWAYS && !optional().includes(name));
if (!['up', 'down', 'status'].includes(command) || unknown.length > 0) {
  say(unknown.length > 0 ? `There is no service ${unknown.join(', ')}.\n\n${USAGE}` : USAGE);
  process.exit(2);
}
if (command === 'up') process.exit(await up(names, values.state && resolve(values.state)));
const files = known(named && resolve(named));
if (command === 'status') process.exit(await status(files));
const stopped = [];
for (const file of files) stopped.push(await takeDown(file));
if (files.length === 0) say('nothing to stop');
process.exit(stopped.every(Boolean) ? 0 : 1);
