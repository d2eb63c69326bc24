import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { ROUTINES } from '../../src/booking/ledger/ledger.js';
import { findEmbedded } from '../../src/database/embedded/embedded-postgres.js';
import { migrate } from '../../src/database/migrate.js';
import { median, rounded } from '../support/statistics.js';
import { ensureGenerator, load, type LoadResult } from './load.js';
import { BENCH_SECRET, writeTokens } from './tokens.js';

/**
 * `npm run bench:accept`: accepted bookings a second of the application as `npm start` runs it, beside a route that
 * does nothing and beside one transaction per request; same machine, same run, same load, answers checked. With `--jwt`
 * also with a token of its own on each request, in turn with none.
 */
const POOL_SIZES = [8, 16, 32] as const;
/** Not counted: code is compiled, the log of the database grows to its size. */
const WARM_UP_ROUNDS = 2;
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1024' },
    json: { type: 'boolean', default: false },
    jwt: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const options = { seconds: Number(values.seconds), connections: Number(values.connections) };
const root = process.cwd();
const say = (line: string): void => void process.stderr.write(`${line}\n`);

ensureGenerator();
const folder = await mkdtemp(join(tmpdir(), 'fairline-bench-'));
await chmod(folder, 0o755);
const children: ChildProcess[] = [];
try {
  await bench();
} finally {
  await Promise.all(children.map(stop));
  await rm(folder, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  const dataDir = join(folder, 'data');
  const app = await startApp(dataDir);
  const databaseUrl = await findEmbedded(dataDir);
  if (databaseUrl === null) throw new Error('the application has no embedded database');
  await assertDurable(databaseUrl);
  const bare = await startPlain('bare');
  const other = await sibling(databaseUrl);
  const pools = new Map<number, string>();
  for (const size of POOL_SIZES) pools.set(size, await startPlain('per-request', other, String(size)));

  const results: Results = {
    app: [],
    jwt: [],
    bare: [],
    perRequest: new Map(POOL_SIZES.map((size) => [size, []])),
  };
  let accepted = 0;
  for (let round = 1 - WARM_UP_ROUNDS; round <= rounds; round++) {
    const event = `bench-${round + WARM_UP_ROUNDS}`;
    await Promise.all([
      putOnSale(databaseUrl, event),
      ...POOL_SIZES.map((size) => putOnSale(other, `${event}-${size}`)),
    ]);
    const measured = {
      bare: await load(root, bare, event, options),
      app: await load(root, app, event, options),
      perRequest: new Map<number, LoadResult>(),
    };
    const jwt = values.jwt ? await loadWithTokens(app, databaseUrl, `${event}-jwt`) : null;
    accepted += measured.app.good + (jwt?.good ?? 0);
    for (const [size, url] of pools)
      measured.perRequest.set(size, await load(root, url, `${event}-${size}`, { ...options, seconds: 2 }));
    if (round < 1) continue;
    results.bare.push(measured.bare);
    results.app.push(measured.app);
    if (jwt !== null) results.jwt.push(jwt);
    for (const [size, result] of measured.perRequest) results.perRequest.get(size)?.push(result);
    say(
      `round ${round}: accept ${rounded(measured.app.perSecond, 0)}/s, bare ${rounded(measured.bare.perSecond, 0)}/s, ` +
        `${jwt === null ? '' : `with a JWT ${rounded(jwt.perSecond, 0)}/s, `}per request ` +
        [...measured.perRequest]
          .map(([size, result]) => `${rounded(result.perSecond, 0)} (pool ${size})`)
          .join(', '),
    );
  }
  await assertKept(databaseUrl, accepted);
  report(results);
}

interface Results {
  readonly app: LoadResult[];
  /** Empty without `--jwt`. */
  readonly jwt: LoadResult[];
  readonly bare: LoadResult[];
  readonly perRequest: Map<number, LoadResult[]>;
}

/** The same load, with a token to verify on each request. */
async function loadWithTokens(app: string, databaseUrl: string, event: string): Promise<LoadResult> {
  await putOnSale(databaseUrl, event);
  const tokens = await writeTokens(folder, event, options.seconds);
  try {
    return await load(root, app, event, { ...options, tokens });
  } finally {
    await rm(tokens);
  }
}

function report(results: Results): void {
  const rate = (of: readonly LoadResult[]): number => median(of.map((result) => result.perSecond));
  const best = [...results.perRequest]
    .map(([size, of]) => ({ size, rate: rate(of) }))
    .sort((a, b) => b.rate - a.rate)[0];
  if (best === undefined) throw new Error('nothing was measured');
  const ratios = (of: readonly LoadResult[]): number =>
    median(results.app.map((result, index) => result.perSecond / (of[index]?.perSecond ?? Number.NaN)));
  const document = {
    rounds,
    acceptPerSecond: rounded(rate(results.app), 0),
    barePerSecond: rounded(rate(results.bare), 0),
    perRequestPerSecond: rounded(best.rate, 0),
    ratioToBare: rounded(ratios(results.bare)),
    ratioToPerRequest: rounded(ratios(results.perRequest.get(best.size) ?? []), 1),
    ...(values.jwt && { ratioJwtToPlain: rounded(1 / ratios(results.jwt)) }),
    perRequestPool: best.size,
    acceptMs: { p50: median(results.app.map((r) => r.p50Ms)), p99: median(results.app.map((r) => r.p99Ms)) },
    connections: options.connections,
  };
  say(
    `accept ${document.acceptPerSecond}/s = ${document.ratioToBare} of bare = ${document.ratioToPerRequest} times one transaction per request (best pool: ${best.size})` +
      ('ratioJwtToPlain' in document
        ? `; with a JWT to verify on each request ${document.ratioJwtToPlain} of that`
        : ''),
  );
  if (values.json) process.stdout.write(`${JSON.stringify(document)}\n`);
}

/** What `npm start` gives to Node before the script. */
function startFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const [node, ...words] = scripts.start.split(' ');
  if (node !== 'node') throw new Error(`npm start is not a call of node: ${scripts.start}`);
  return words.filter((word) => word.startsWith('--'));
}

/** As `npm start` does it, in a folder of its own and on free ports. */
async function startApp(dataDir: string): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    DATA_DIR: dataDir,
    PORT: '0',
    PROMETHEUS_PORT: '0',
    GRPC_PORT: 'off',
    JWT_SECRET: BENCH_SECRET,
  };
  const child = spawn(process.execPath, [...startFlags(), join(root, 'dist/src/main.js')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return firstLine(child, (line) => /"event":"listening".*?"url":"([^"]+)"/.exec(line)?.[1]);
}

function startPlain(name: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [join(root, `dist/bench/accept/${name}.js`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return firstLine(child, (line) => line);
}

function firstLine(child: ChildProcess, read: (line: string) => string | undefined): Promise<string> {
  children.push(child);
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a server ended with code ${code}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const value = read(line);
      if (value !== undefined) resolve(value);
    });
  });
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A second database on the same server, with the same tables. */
async function sibling(databaseUrl: string): Promise<string> {
  await withClient(databaseUrl, (client) => client.query('create database per_request'));
  const url = new URL(databaseUrl);
  url.pathname = '/per_request';
  await migrate(url.href, ROUTINES);
  return url.href;
}

function putOnSale(databaseUrl: string, event: string): Promise<void> {
  return withClient(databaseUrl, async (client) => {
    const offer = {
      id: event,
      eventId: event,
      ticketType: 'standing',
      title: 'Bench',
      venue: '',
      timeZone: 'UTC',
      startsAt: new Date(Date.now() + 30 * 24 * 3600 * 1000).toISOString(),
      price: { amountMinor: 100, currency: 'EUR' },
      capacity: 500,
      opensAt: null,
      closesAt: null,
      holdSeconds: 120,
      limitPerCustomer: 4,
      maxQuantity: 4,
    };
    const actor = { kind: 'system', id: 'bench', correlationId: 'bench' };
    await client.query('select create_offer($1, null, $2)', [JSON.stringify(offer), JSON.stringify(actor)]);
  });
}

async function assertDurable(databaseUrl: string): Promise<void> {
  for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    const { rows } = await withClient(databaseUrl, (client) =>
      client.query<Record<string, string>>(`show ${setting}`),
    );
    if (rows[0]?.[setting] !== 'on') throw new Error(`${setting} is not on`);
  }
}

/** Every booking that was answered is there, in one unbroken line per offer, with its key and its audit row. */
async function assertKept(databaseUrl: string, accepted: number): Promise<void> {
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ bookings: number; keys: number; audited: number; broken: number }>(
      `select (select count(*)::integer from booking where offer_id like 'bench-%') as bookings,
         (select count(*)::integer from idempotency_key where route = 'accept') as keys,
         (select count(*)::integer from audit_event where action = 'accept' and offer_id like 'bench-%') as audited,
         (select count(*)::integer from (select offer_id from booking group by offer_id
           having count(*) <> max(seq) or min(seq) <> 1) lines) as broken`,
    ),
  );
  const kept = rows[0];
  // Those under way when a round ended were committed without their answer being read.
  if (
    kept === undefined ||
    kept.bookings < accepted ||
    kept.keys !== kept.bookings ||
    kept.audited !== kept.bookings ||
    kept.broken > 0
  ) {
    throw new Error(`${accepted} were answered, but the ledger has ${JSON.stringify(kept)}`);
  }
}
