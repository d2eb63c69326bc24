// `npm run test:api-fuzz`: the started application against its own OpenAPI document, by Schemathesis. Builds, starts
// everything, asks as everybody, takes everything down. The last line is the verdict.
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { configuration, peers } from './api-fuzz/config.mjs';
import { Server } from './api-fuzz/server.mjs';
import { brokenInvariants, CUSTOMERS, jwt, setStage } from './api-fuzz/stage.mjs';
import { ensureBuilt, root } from './build.mjs';
import { freePort } from './support/free-port.mjs';
import { schemathesis } from './support/schemathesis.mjs';
import { Unavailable } from './support/unavailable.mjs';

const USAGE = `npm run test:api-fuzz -- [--max-examples N] [--seed N] [--only NAME]

  --max-examples  requests made up for each operation and phase (default 10)
  --seed          the same requests again
  --only          one caller: stranger, guest, nobody, customer or operator`;

/** One caller may take so long; a run has five. */
const PASS_MS = 5 * 60_000;
/** Every check there is, whatever a later version adds; all phases. */
const ASKED = ['--checks', 'all', '--phases', 'examples,coverage,fuzzing,stateful', '--mode', 'all'];
const LIMITS = [
  ...['PER_CUSTOMER', 'PER_ADDRESS', 'READS_PER_CUSTOMER', 'READS_PER_ADDRESS'],
  ...['FAILURES_PER_ADDRESS', 'TICKET_CODES_PER_ADDRESS'],
];
const path = (name) => fileURLToPath(new URL(name, root));
/** As with the services of `npm test`. */
const isRequired = (process.env.REQUIRE_SERVICES ?? '').split(',').includes('schemathesis');
const HOOKS = path('scripts/api-fuzz/hooks.py');
const say = (line) => process.stdout.write(`${line}\n`);

const { values: options } = parseArgs({
  options: {
    'max-examples': { type: 'string', default: '10' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    only: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const isCount = /^[1-9]\d{0,4}$/.test(options['max-examples']) && /^\d{1,10}$/.test(options.seed);
if (options.help || !isCount) {
  say(USAGE);
  process.exit(options.help ? 0 : 2);
}

let child = null;
let server = null;
let interrupted = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted ??= signal;
    child?.kill('SIGKILL');
  });
}

/** Who asks, in this order: the operator's decisions end what others look at. */
const callers = (stage, customers, operator) => [
  { name: 'stranger', about: 'nobody needs a token, and none is sent', required: false, token: null },
  {
    ...{ name: 'guest', about: 'the token of one booking', required: false, token: stage.guest.token },
    bookings: [stage.guest.bookingId, ...stage.bookings.slice(0, 2)],
  },
  { name: 'nobody', about: 'customers need a token, and none is sent', required: true, token: null },
  { name: 'customer', about: "a customer's JWT", required: true, token: null, peers: customers },
  { name: 'operator', about: "an operator's JWT", required: true, token: operator },
];

function environment(work, secret, ports, required) {
  return {
    DATA_DIR: join(work, 'data'),
    PORT: String(ports.http),
    PROMETHEUS_PORT: String(ports.metrics),
    GRPC_PORT: 'off',
    JWT_SECRET: secret,
    AUTH_REQUIRED: String(required),
    // Nobody listens there: a booking with an address becomes a dead letter, soon.
    SMTP_URL: `smtp://127.0.0.1:${ports.mail}`,
    JOB_ATTEMPTS: '2',
    JOB_BACKOFF_MS: '20',
    SWEEP_INTERVAL_MS: '200',
    // Told in every answer, and met by nobody: what is refused by a limit tests nothing else.
    ...Object.fromEntries(LIMITS.map((limit) => [`RATE_LIMIT_${limit}`, '1000000/1s'])),
  };
}

/** @returns {Promise<boolean>} whether nothing was found; what was is shown */
function ask(program, url, caller, stage, work) {
  const config = join(work, 'schemathesis.toml');
  writeFileSync(config, configuration(stage, caller, HOOKS, Number(options['max-examples'])));
  const argv = ['--config-file', config, 'run', `${url}/docs/openapi.json`, ...ASKED];
  return new Promise((resolve) => {
    child = spawn(program, [...argv, '--seed', options.seed, '--continue-on-failure', '--no-color'], {
      cwd: work,
      env: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: '1',
        FAIRLINE_FUZZ_CALLER: caller.name,
        FAIRLINE_FUZZ_SEEN: join(work, 'seen.json'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PASS_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.once('error', (error) => (output += error.message));
    child.once('close', (code) => {
      if (code !== 0 && interrupted === null) say(output);
      if (child.signalCode === 'SIGKILL' && interrupted === null)
        say(`not done within ${PASS_MS / 60_000} minutes`);
      resolve(code === 0);
    });
  });
}

/** How often each operation was answered, by status. */
function answered(work) {
  const file = join(work, 'seen.json');
  const operations = new Map();
  if (!existsSync(file)) return operations;
  for (const [key, count] of Object.entries(JSON.parse(readFileSync(file, 'utf8')))) {
    const [, operation, status] = /^(.*) (\d+)$/.exec(key);
    operations.set(operation, { ...operations.get(operation), [status]: count });
  }
  rmSync(file);
  return operations;
}

const isServed = (statuses) => Object.keys(statuses).some((status) => status.startsWith('2'));

/** Whoever may do everything has done everything; else the run has looked at refusals. */
async function neverServed(url, operations) {
  const { paths } = await (await fetch(`${url}/docs/openapi.json`)).json();
  const labels = Object.entries(paths).flatMap(([route, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${route}`),
  );
  return labels.filter((label) => !isServed(operations.get(label) ?? {}));
}

const PROGRAM = join(process.env.FAIRLINE_DIST ?? path('dist'), 'src/main.js');

async function main(work) {
  const program = schemathesis(say);
  const secret = randomBytes(32).toString('hex');
  const operator = await jwt({ sub: 'operator', role: 'operator' }, secret);
  const customers = { file: join(work, 'customers.json'), names: CUSTOMERS };
  const tokens = await Promise.all(CUSTOMERS.map((sub) => jwt({ sub }, secret)));
  writeFileSync(customers.file, peers(Object.fromEntries(CUSTOMERS.map((name, i) => [name, tokens[i]]))));
  const ports = { http: await freePort(), metrics: await freePort(), mail: await freePort() };
  const failures = [];
  let stage = null;
  let requests = 0;
  for (const required of [false, true]) {
    const env = environment(work, secret, ports, required);
    server = new Server({ main: PROGRAM, folder: work, env });
    const url = await server.listening();
    stage ??= await setStage(url, operator);
    for (const caller of callers(stage, customers, operator)) {
      if (caller.required !== required || (options.only ?? caller.name) !== caller.name) continue;
      if (interrupted === null && !(await ask(program, url, caller, stage, work)))
        failures.push(`as ${caller.name}: above`);
      if (interrupted !== null) return { failures: [`stopped by ${interrupted}`], requests };
      const operations = answered(work);
      const asked = sum([...operations.values()].flatMap((statuses) => Object.values(statuses)));
      const served = [...operations.values()].filter(isServed).length;
      say(`${caller.name} (${caller.about}): ${asked} requests, ${served} operations served`);
      requests += asked;
      if (caller.name !== 'operator') continue;
      for (const label of await neverServed(url, operations)) failures.push(`${label} was never served`);
    }
    failures.push(...(await brokenInvariants(url, operator)));
    failures.push(...server.complaints().map((record) => JSON.stringify(record)));
    const code = await server.stop();
    if (code !== 0) failures.push(`the application ended with ${code}`);
  }
  return { failures, requests };
}
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

ensureBuilt();
const work = mkdtempSync(join(tmpdir(), 'fairline-api-fuzz-'));
// The database may run as another user, who must be able to pass through.
chmodSync(work, 0o755);
const verdict = await main(work).catch((error) => ({
  missing: error instanceof Unavailable ? error.message : null,
  failures: [String(error?.stack ?? error)],
  requests: 0,
}));
await server?.stop();
rmSync(work, { recursive: true, force: true });
const { missing = null, failures, requests } = verdict;
if (missing !== null && !isRequired) {
  say(`SKIPPED api-fuzz: ${missing}`);
} else {
  for (const failure of failures) say(`failed: ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
  say(`api-fuzz: ${failures.length === 0 ? 'ok' : 'FAILED'}, ${requests} requests, seed ${options.seed}`);
}
