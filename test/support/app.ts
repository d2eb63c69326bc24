import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SignJWT } from 'jose';
import { Pool } from 'pg';
import PostalMime, { type Email } from 'postal-mime';
import request from 'supertest';
import { createLogger } from '../../src/common/logger.js';
import { ROUTINES } from '../../src/booking/ledger/ledger.js';
import { loadConfig } from '../../src/config/load.js';
import { createApp, openDoors } from '../../src/configure-app.js';
import { freePort } from '../../src/database/embedded/free-port.js';
import { migrate } from '../../src/database/migrate.js';
import { createTestDatabase } from './database.js';

export const JWT_SECRET = 'the secret of the tests, long enough for HS256';
const PATIENCE_MS = 20_000;

type Json = ReturnType<typeof JSON.parse>;
type Env = Readonly<Record<string, string>>;

/** A token as an identity provider would sign it. */
export async function jwt(claims: Readonly<Record<string, unknown>>): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(JWT_SECRET));
}

/** Waits until the question has an answer that is not null. @throws Error naming what was waited for */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const begun = Date.now();
  while (Date.now() - begun < patienceMs) {
    const answer = await ask();
    if (answer !== null) return answer;
    await sleep(25);
  }
  throw new Error(`not within ${patienceMs} ms: ${what}`);
}

/** A database of its own, brought up to date, and a folder for what the application writes. */
export class Ground {
  private constructor(
    readonly databaseUrl: string,
    readonly dataDir: string,
    private readonly pool: Pool,
    private readonly drop: () => Promise<void>,
  ) {}

  static async prepare(): Promise<Ground> {
    const database = await createTestDatabase();
    await migrate(database.url, ROUTINES);
    const dataDir = await mkdtemp(join(tmpdir(), 'fairline-app-'));
    await chmod(dataDir, 0o755);
    const pool = new Pool({ connectionString: database.url, max: 3 });
    pool.on('error', () => undefined);
    return new Ground(database.url, dataDir, pool, () => database.drop());
  }

  /** What every process on this ground is started with. */
  env(more: Env = {}): Record<string, string> {
    return {
      DATABASE_URL: this.databaseUrl,
      DATA_DIR: this.dataDir,
      JWT_SECRET,
      SWEEP_INTERVAL_MS: '50',
      LOG_LEVEL: 'fatal',
      GRPC_PORT: 'off',
      ...more,
    };
  }

  async sql(text: string, values: readonly unknown[] = []): Promise<Json[]> {
    return (await this.pool.query(text, [...values])).rows;
  }

  /**
   * Every row of the ledger and the bank, as one number of rows and one checksum per table. Of mails what was asked
   * for: when each is tried is the courier's, who goes on all the while. Requests are counted, also those refused.
   */
  async fingerprint(): Promise<Record<string, string>> {
    const tables = await this.sql(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema in ('public', 'sandbox_bank') and table_type = 'BASE TABLE'
         and table_name not like 'bull%' and table_name not in ('audit_seal', 'audit_chain', 'socket_io_attachments', 'rate_limit')`,
    );
    const sums: Record<string, string> = {};
    for (const { name } of tables) {
      const [row] = await this.sql(
        `select count(*) || ' rows, ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as sum from ${name === 'public.mail' ? '(select booking_id, kind, fence from mail)' : name} t`,
      );
      sums[name] = row.sum;
    }
    return sums;
  }

  /** The mails in the outbox, oldest first. */
  async mails(): Promise<Email[]> {
    const folder = join(this.dataDir, 'outbox');
    const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml'));
    const mails = await Promise.all(
      names.map(async (name) => PostalMime.parse(await readFile(join(folder, name)))),
    );
    return mails.sort((a, b) => (a.date ?? '').localeCompare(b.date ?? ''));
  }

  /** The mail of this kind (`your-turn`, `hold-expired`, `sold-out`, `ticket`) about a booking, once it is there. */
  mail(kind: string, bookingId: string): Promise<Email> {
    return eventually(`a mail ${kind} about ${bookingId}`, async () => {
      const found = (await this.mails()).find((mail) => mail.messageId?.startsWith(`<${kind}.${bookingId}.`));
      return found ?? null;
    });
  }

  async release(): Promise<void> {
    await this.pool.end();
    await this.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** What a test does with a running application, wherever it runs. */
export class Api {
  constructor(
    readonly url: string,
    readonly operator: string,
  ) {}

  static async at(url: string): Promise<Api> {
    return new Api(url, await jwt({ sub: 'operator', role: 'operator' }));
  }

  get http(): ReturnType<typeof request> {
    return request(this.url);
  }

  get(path: string, token?: string): request.Test {
    return bearing(this.http.get(path), token);
  }
  delete(path: string, token?: string): request.Test {
    return bearing(this.http.delete(path), token);
  }
  /** With a body, or with none at all. */
  post(path: string, body?: object, token?: string): request.Test {
    const asked = bearing(this.http.post(path), token);
    return body === undefined ? asked : asked.send(body);
  }
  patch(path: string, body: object, token?: string): request.Test {
    return bearing(this.http.patch(path), token).send(body);
  }

  /** An offer of an event of its own. */
  async offer(more: Readonly<Record<string, unknown>> = {}): Promise<Json> {
    const { body } = await this.post('/api/offers', newOffer(more), this.operator).expect(201);
    return body;
  }

  /**
   * A booking, accepted. As any client does, it comes again where the server says 503: a machine on which everything
   * stands still for seconds is not what these tests are about.
   */
  async book(offer: Sold, more: Readonly<Record<string, unknown>> = {}): Promise<Json> {
    const request = wish(offer, more);
    for (let tries = 1; ; tries++) {
      const { status, body, headers } = await this.post('/api/bookings', request);
      if (status === 202) return body;
      if (status !== 503 || tries === 5) throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
      await sleep(Number(headers['retry-after'] ?? 1) * 1000);
    }
  }

  /** The snapshot of a booking as its holder sees it. */
  async read(accepted: { readonly bookingId: string; readonly token: string }): Promise<Json> {
    return (await this.get(`/api/bookings/${accepted.bookingId}`, accepted.token).expect(200)).body;
  }

  /** Its snapshot, once it is in this state. */
  until(accepted: { readonly bookingId: string; readonly token: string }, state: string): Promise<Json> {
    let last: unknown;
    return eventually(`booking ${accepted.bookingId} ${state}`, async () => {
      const snapshot = await this.read(accepted);
      last = snapshot.state;
      return snapshot.state === state ? snapshot : null;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${String(last)}`);
    });
  }

  /** Names of the invariants that do not hold, with what breaks them. */
  async broken(): Promise<Json> {
    const { body } = await this.get('/api/admin/invariants', this.operator).expect(200);
    return Object.fromEntries(
      Object.entries<Json>(body.invariants)
        .filter(([, { ok }]) => !ok)
        .map(([name, { violations }]) => [name, violations]),
    );
  }
}

let made = 0;
/** A name that no other test uses. */
export const unique = (what: string): string => `${what}-${process.pid}-${++made}`;

export const newOffer = (more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  eventId: unique('event'),
  ticketType: 'standing',
  title: 'Summer Night',
  venue: 'Waldbühne',
  timeZone: 'Europe/Berlin',
  startsAt: '2999-06-19T18:00:00Z',
  price: { amountMinor: 4500, currency: 'EUR' },
  capacity: 10,
  ...more,
});

/** Whose offers a booking may be for. */
type Sold = { readonly eventId: string } | { readonly hotelId: string };

export const wish = (sold: Sold, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  userId: unique('fan'),
  ...('eventId' in sold ? { eventId: sold.eventId } : { hotelId: sold.hotelId }),
  ...more,
});

function bearing(asked: request.Test, token: string | undefined): request.Test {
  return token === undefined ? asked : asked.set('Authorization', `Bearer ${token}`);
}

export interface TestApp {
  readonly app: NestFastifyApplication;
  readonly api: Api;
  readonly ground: Ground;
  /** Idempotent. */
  close(): Promise<void>;
}

/** The real application in this process, on a ground of its own unless it is given one. */
export async function startApp(env: Env = {}, given?: Ground): Promise<TestApp> {
  const ground = given ?? (await Ground.prepare());
  const port = await freePort();
  const config = loadConfig(ground.env({ PORT: String(port), ...env }));
  const app = await createApp(config, ground.databaseUrl, createLogger(config));
  try {
    await openDoors(app, config);
  } catch (error) {
    await app.close();
    throw error;
  }
  const api = await Api.at(`http://127.0.0.1:${port}`);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await app.close();
    if (given === undefined) await ground.release();
  };
  return { app, api, ground, close: () => (closing ??= close()) };
}
