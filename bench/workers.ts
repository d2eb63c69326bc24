import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { startBroker, type Broker } from '../scripts/rehearse/broker.js';
import { AppProcess } from './support/app-process.js';
import { createOffer, operatorToken } from './support/operator.js';
import { withOwnDatabase, type OwnDatabase } from './support/own-database.js';
import { rounded } from './support/statistics.js';

/**
 * `npm run bench:workers`: how much sooner one hot offer is served by several worker processes than by one, where the
 * steps keep workers waiting, on each technology.
 */
const TECHNOLOGIES = ['bullmq', 'bullmq-redis', 'streams', 'kafka'] as const;
type Technology = (typeof TECHNOLOGIES)[number];

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: TECHNOLOGIES.join(',') },
    workers: { type: 'string', default: '4' },
    bookings: { type: 'string', default: '320' },
    concurrency: { type: 'string', default: '8' },
    'step-seconds': { type: 'string', default: '0.4' },
    json: { type: 'boolean', default: false },
  },
});
const WORKERS = Number(values.workers);
const BOOKINGS = Number(values.bookings);
const LOOK_EVERY_MS = 50;
const PATIENCE_MS = 300_000;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Measured {
  readonly oneSeconds: number;
  readonly severalSeconds: number;
  readonly ratio: number;
}

async function measure(technology: Technology, ground: OwnDatabase): Promise<Measured> {
  const folder = join(ground.folder, technology);
  await mkdir(folder);
  const broker = await startBroker(technology, {
    ...{ folder, log: say, onPid: () => undefined },
    database: { kill: () => Promise.resolve(), resume: () => Promise.resolve() },
  });
  try {
    const one = await serve(ground, broker, `${technology}-one`, 1);
    const several = await serve(ground, broker, `${technology}-several`, WORKERS);
    return {
      ...{ oneSeconds: rounded(one), severalSeconds: rounded(several) },
      ratio: rounded(one / several),
    };
  } finally {
    await broker.stop();
  }
}

/** Seconds from the first request to the last confirmed booking, by processes that are at work already. */
async function serve(ground: OwnDatabase, broker: Broker, eventId: string, workers: number): Promise<number> {
  const secret = randomBytes(32).toString('base64url');
  const start = (role: 'api' | 'worker'): Promise<AppProcess> =>
    AppProcess.start({
      main: fileURLToPath(new URL('../src/main.js', import.meta.url)),
      args: ['--role', role],
      env: {
        ...{ DATABASE_URL: ground.url, DATA_DIR: join(ground.folder, 'app'), JWT_SECRET: secret },
        ...{ PORT: '0', PROMETHEUS_PORT: '0', GRPC_PORT: 'off', LOG_LEVEL: 'info' },
        WORKER_CONCURRENCY: values.concurrency,
        STEP_SECONDS: Array.from({ length: 5 }, () => values['step-seconds']).join(','),
        ...broker.env,
      },
    });
  const apps = [await start('api')];
  try {
    for (let index = 0; index < workers; index += 1) apps.push(await start('worker'));
    const url = apps[0]?.url ?? '';
    const token = await operatorToken(secret);
    const sell = async (offer: string, bookings: number): Promise<number> => {
      const offerId = await createOffer(url, token, { eventId: offer, capacity: bookings });
      const begun = performance.now();
      await Promise.all(Array.from({ length: bookings }, (_, index) => book(url, offer, index)));
      await allConfirmed(ground.url, offerId, bookings);
      return (performance.now() - begun) / 1000;
    };
    // one for each place: how long a process takes to become warm is not what is asked
    await sell(`${eventId}-warm`, workers * Number(values.concurrency));
    return await sell(eventId, BOOKINGS);
  } finally {
    await Promise.all(apps.map((app) => app.stop()));
  }
}

async function book(url: string, eventId: string, index: number): Promise<void> {
  const answer = await fetch(`${url}/api/bookings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ userId: `fan-${index}`, eventId, ticketType: 'standing', paymentMethod: 'pm_ok' },
    }),
  });
  if (answer.status !== 202) throw new Error(`refused with ${answer.status}: ${await answer.text()}`);
  await answer.body?.cancel();
}

async function allConfirmed(url: string, offerId: string, bookings: number): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const { rows } = await client.query<{ confirmed: number }>(
        `select count(*)::integer as confirmed from booking where offer_id = $1 and state = 'confirmed'`,
        [offerId],
      );
      if (rows[0]?.confirmed === bookings) return;
      if (performance.now() > end) throw new Error(`${rows[0]?.confirmed} of ${bookings} are confirmed`);
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    await client.end();
  }
}

async function main(): Promise<void> {
  const chosen = TECHNOLOGIES.filter((technology) => values.only.split(',').includes(technology));
  const targets: Record<string, Measured> = {};
  await withOwnDatabase(async (ground) => {
    for (const technology of chosen) {
      const measured = await measure(technology, ground);
      targets[technology] = measured;
      say(
        `${technology}: one worker ${measured.oneSeconds} s, ${WORKERS} workers ${measured.severalSeconds} s: ${measured.ratio} times as fast`,
      );
    }
  });
  const settings = {
    workers: WORKERS,
    bookings: BOOKINGS,
    concurrency: Number(values.concurrency),
    stepSeconds: Number(values['step-seconds']),
  };
  if (values.json) process.stdout.write(`${JSON.stringify({ ...settings, targets })}\n`);
}

await main();
