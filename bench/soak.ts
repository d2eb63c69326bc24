import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { AppProcess } from './support/app-process.js';
import { buy } from './support/buyer.js';
import { InspectedHeap, type MemoryMb } from './support/inspected-heap.js';
import { createOffer, operatorToken } from './support/operator.js';
import { withOwnDatabase } from './support/own-database.js';
import { fittedLine, rounded, type Line } from './support/statistics.js';
import { Stream } from './support/stream.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '30' },
    every: { type: 'string', default: '15' },
    json: { type: 'boolean', default: false },
  },
});
const MINUTES = positive('--minutes', values.minutes);
const RATE = positive('--rate', values.rate);
const EVERY_SECONDS = positive('--every', values.every);
/** Code is still being compiled and caches fill: this share of the time says nothing about leaks. */
const WARM_UP = 0.3;
const AT_ONCE = 100;
/** Of the buyers, one in so many pays beforehand, or watches by a socket. */
const [PREPAID, WATCHES] = [2, 5];
const ALLOWED_MB_PER_10K = 1;

const ROLES = ['api', 'worker'] as const;
type Role = (typeof ROLES)[number];

interface Sample {
  readonly finished: number;
  readonly memory: Readonly<Record<Role, MemoryMb>>;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  process.stderr.write(`${name} must be a number above 0\n`);
  process.exit(2);
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** What the processes complained of, each complaint once. */
const troubles = ({ lines }: AppProcess): string[] => {
  const said = lines.filter(({ level }) => level === 'warn' || level === 'error');
  return [
    ...new Set(said.map(({ role, message, err }) => JSON.stringify({ role, message, err }).slice(0, 300))),
  ];
};

interface Soaked {
  readonly samples: readonly Sample[];
  readonly stream: Stream;
  readonly warnings: readonly string[];
}

async function soak(url: string, folder: string): Promise<Soaked> {
  const secret = randomBytes(32).toString('base64url');
  const dataDir = join(folder, 'app');
  const start = (role: Role): Promise<AppProcess> =>
    AppProcess.start({
      main: fileURLToPath(new URL('../src/main.js', import.meta.url)),
      args: ['--role', role],
      nodeArgs: ['--inspect=127.0.0.1:0'],
      env: {
        ...{ DATABASE_URL: url, DATA_DIR: dataDir, JWT_SECRET: secret, PORT: '0', PROMETHEUS_PORT: '0' },
        GRPC_PORT: 'off',
      },
    });
  const apps = { api: await start('api'), worker: await start('worker') };
  try {
    const heaps = {
      api: await InspectedHeap.attach(apps.api.errors),
      worker: await InspectedHeap.attach(apps.worker.errors),
    };
    await createOffer(apps.api.url, await operatorToken(secret), { eventId: 'soak', capacity: 10_000_000 });
    const stream = new Stream(RATE, AT_ONCE, (number) =>
      buy(apps.api.url, {
        userId: `fan-${number}`,
        eventId: 'soak',
        prepaid: number % PREPAID === 0,
        watches: number % WATCHES === 0,
      }),
    );
    const samples: Sample[] = [];
    const end = performance.now() + MINUTES * 60_000;
    while (performance.now() < end) {
      await stream.run(EVERY_SECONDS * 1000);
      const memory = { api: await heaps.api.measure(), worker: await heaps.worker.measure() };
      samples.push({ finished: stream.finished, memory });
      await emptyOutbox(join(dataDir, 'outbox'));
      say(
        `${stream.finished} finished, ${stream.failures.length} failed; MB of heap: api ${rounded(memory.api.heap)}, worker ${rounded(memory.worker.heap)}`,
      );
    }
    for (const role of ROLES) heaps[role].close();
    const warnings = ROLES.flatMap((role) => troubles(apps[role]));
    return { samples, stream, warnings };
  } finally {
    await Promise.all(ROLES.map((role) => apps[role].stop()));
  }
}

/** Each mail holds a PDF: the disk must not be what ends the run. */
async function emptyOutbox(folder: string): Promise<void> {
  const mails = (await readdir(folder)).filter((name) => name.endsWith('.eml'));
  await Promise.all(mails.map((name) => rm(join(folder, name), { force: true })));
}

/** In MB for 10,000 finished bookings. A short run says little: its error shows how little. */
function growthOf(samples: readonly Sample[], role: Role, of: keyof MemoryMb): Line {
  const steady = samples.slice(Math.floor(samples.length * WARM_UP));
  return fittedLine(steady.map(({ finished, memory }) => [finished / 10_000, memory[role][of]]));
}

function processReport(samples: readonly Sample[], role: Role): Record<string, unknown> {
  const last = samples.at(-1)?.memory[role];
  return {
    heapGrowthMbPer10k: rounded(growthOf(samples, role, 'heap').slope, 3),
    heapGrowthError: rounded(growthOf(samples, role, 'heap').error, 3),
    externalGrowthMbPer10k: rounded(growthOf(samples, role, 'external').slope, 3),
    rssGrowthMbPer10k: rounded(growthOf(samples, role, 'rss').slope, 3),
    heapMb: samples.map(({ memory }) => rounded(memory[role].heap)),
    rssMb: rounded(last?.rss ?? Number.NaN),
  };
}

async function main(): Promise<void> {
  const begun = performance.now();
  const { samples, stream, warnings } = await withOwnDatabase(({ url, folder }) => soak(url, folder));
  const { finished, failures } = stream;
  const seconds = (performance.now() - begun) / 1000;
  const growth = ROLES.map((role) => growthOf(samples, role, 'heap'));
  const ok = failures.length === 0 && growth.every(({ slope }) => slope < ALLOWED_MB_PER_10K);
  const report = {
    ...{ minutes: MINUTES, rate: RATE, finished, perSecond: rounded(finished / seconds) },
    ...{ failed: failures.length, failures: failures.slice(0, 5), warnings: warnings.slice(0, 10) },
    processes: Object.fromEntries(ROLES.map((role) => [role, processReport(samples, role)])),
    ok,
  };
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else
    process.stdout.write(
      `${table(report.processes, growth)}\n${ok ? 'ok' : 'NOT OK'}: ${finished} finished, ${failures.length} failed${failures.length > 0 ? `\n${failures.slice(0, 5).join('\n')}` : ''}\n`,
    );
  process.exitCode = ok ? 0 : 1;
}

const table = (
  processes: Readonly<Record<string, Record<string, unknown>>>,
  growth: readonly Line[],
): string =>
  ROLES.map(
    (role, index) =>
      `${role.padEnd(7)} grows by ${mb(growth[index])} MB of heap per 10,000 finished bookings; RSS at the end ${String(processes[role]?.['rssMb'])} MB`,
  ).join('\n');

const mb = (line: Line | undefined): string =>
  line === undefined ? '?' : `${rounded(line.slope)} ± ${rounded(line.error)}`;

await main();
