import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/database/embedded/free-port.js';
import { findEmbedded } from '../../src/database/embedded/embedded-postgres.js';
import { Api, eventually } from '../support/app.js';
import { AppProcess } from '../support/process.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

describe('the application with a configuration that is wrong', () => {
  it('does not start, and names every mistake at once', async () => {
    const child = AppProcess.spawn(['--role', 'emperor'], {
      PORT: 'eighty',
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      QUEUE_TYPE: 'carrier-pigeon',
      WORKER_CONCURRENCY: '-1',
      BOOKING_TIMEOUT_SECONDS: '1.5',
      JWT_SECRET: 'short',
      AUTH_REQUIRED: 'maybe',
      SANDBOX_DECLINE_RATE: '2',
      STEP_SECONDS: '1,2',
      SMTP_URL: 'http://mail',
    });
    expect(await child.ended).toEqual({ code: 1, signal: null });
    const mistakes = child.stderr.split('\n').filter((line) => line.startsWith('  - '));
    for (const name of [
      ...['--role', 'PORT', 'DATABASE_URL', 'QUEUE_TYPE', 'WORKER_CONCURRENCY', 'BOOKING_TIMEOUT_SECONDS'],
      ...['JWT_SECRET', 'AUTH_REQUIRED', 'SANDBOX_DECLINE_RATE', 'STEP_SECONDS', 'SMTP_URL'],
    ]) {
      expect(mistakes.filter((line) => line.startsWith(`  - ${name} `))).toHaveLength(1);
    }
    expect(mistakes).toHaveLength(11);
    expect(child.stderr).not.toContain('hunter2');
    expect(child.stderr).not.toContain('    at ');
  });

  it('does not start in production on what is fit for development alone', async () => {
    const child = AppProcess.spawn([], { NODE_ENV: 'production' });
    expect((await child.ended).code).toBe(1);
    for (const name of ['DATABASE_URL', 'JWT_SECRET', 'PAYMENT_PROVIDER'])
      expect(child.stderr).toContain(name);
  });

  it('ends with a message where the database cannot be reached', async () => {
    const child = AppProcess.spawn([], {
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      PORT: '0',
      PROMETHEUS_PORT: '0',
    });
    expect((await child.ended).code).toBe(1);
    expect(`${child.stderr}${child.lines.join('\n')}`).toContain('ECONNREFUSED');
  });
});

describe('the application with no configuration', () => {
  let folder: string;
  const started: AppProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairline-start-'));
    // The database may run as another user, who must be able to pass through.
    await chmod(folder, 0o755);
  });
  afterAll(async () => {
    await Promise.all(started.map((child) => child.stop()));
    await rm(folder, { recursive: true, force: true });
  });

  /** Ports aside, which others on this machine may use. */
  async function start(): Promise<{ child: AppProcess; api: Api; welcome: string }> {
    const ports = {
      ...{ PORT: String(await freePort()), PROMETHEUS_PORT: String(await freePort()) },
      GRPC_PORT: String(await freePort()),
    };
    const child = AppProcess.spawn([], ports, folder);
    started.push(child);
    // whoever comes first finds the offers: they are there before the doors open
    const { url: open } = await child.listening();
    const first: Json = await (await fetch(`${open}/api/offers`)).json();
    expect(first.offers).toHaveLength(3);
    const welcome = await eventually('the welcome', async () => {
      const record = child.records.find(({ message }) => String(message).includes('curl'));
      return record === undefined ? null : String(record.message);
    });
    const operator = /operator's token[^\n]*: (\S+)/.exec(welcome)?.[1] ?? '';
    const url = /open at (http:\S+?);/.exec(welcome)?.[1] ?? '';
    return { child, api: new Api(url, operator), welcome };
  }

  /** What a shell would do with the line that is printed to be pasted. */
  async function paste(welcome: string): Promise<Json> {
    const [, url = '', header = '', body = ''] =
      /curl -s (\S+) -H '([^']*)' -d '([^']*)'/.exec(welcome) ?? [];
    const [name = '', value = ''] = header.split(': ');
    const answer = await fetch(url, { method: 'POST', headers: { [name]: value }, body });
    expect(answer.status).toBe(202);
    return answer.json();
  }

  it('starts on a database of its own, with offers, a token and a request to paste that ends in a ticket', async () => {
    const { child, api, welcome } = await start();
    const { body } = await api.get('/api/offers').expect(200);
    expect(body.offers.length).toBeGreaterThan(0);
    const accepted = await paste(welcome);
    await api.until(accepted, 'confirmed');
    const outbox = await readdir(join(folder, '.fairline', 'outbox'));
    expect(outbox.filter((name) => name.startsWith(`ticket.${accepted.bookingId}`))).toHaveLength(1);
    expect(await api.broken()).toEqual({});

    expect(await child.stop()).toEqual({ code: 0, signal: null });
    expect(await findEmbedded(join(folder, '.fairline'))).toBeNull();

    // The second start finds everything again: the booking, the offers as they are, the token still good.
    const again = await start();
    const later = new Api(again.api.url, api.operator);
    expect(
      (await later.get(`/api/bookings/${accepted.bookingId}`, later.operator).expect(200)).body.state,
    ).toBe('confirmed');
    const { body: offers } = await later.get('/api/offers').expect(200);
    expect(offers.offers.map(({ id }: Json) => id)).toEqual(body.offers.map(({ id }: Json) => id));
    await paste(again.welcome);
    expect(await again.child.stop()).toEqual({ code: 0, signal: null });
    expect(await findEmbedded(join(folder, '.fairline'))).toBeNull();
    // Only the owner reads what holds addresses and tickets.
    expect((await stat(join(folder, '.fairline', 'outbox'))).mode & 0o077).toBe(0);
  });
});
