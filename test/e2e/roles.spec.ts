import { freePort } from '../../src/database/embedded/free-port.js';
import { Api, eventually, Ground, unique, wish } from '../support/app.js';
import { Watcher } from '../support/board.js';
import { AppProcess } from '../support/process.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

/** Long enough for each step's progress to be told by itself. */
const STEP_SECONDS = '0,0.2,0.2,0.2,0.2';

/** Two api and two worker processes on one PostgreSQL. */
describe('a system of several processes', () => {
  let ground: Ground;
  const processes: AppProcess[] = [];
  let apis: Api[];
  let monitors: { role: string; url: string }[];

  beforeAll(async () => {
    ground = await Ground.prepare();
    const roles = ['api', 'api', 'worker', 'worker'];
    const started = await Promise.all(
      roles.map(async (role) => {
        const ports = { PORT: String(await freePort()), PROMETHEUS_PORT: String(await freePort()) };
        const child = AppProcess.spawn(
          ['--role', role],
          ground.env({ ...ports, LOG_LEVEL: 'info', STEP_SECONDS }),
        );
        processes.push(child);
        return { role, ...(await child.listening()) };
      }),
    );
    monitors = started.map(({ role, metricsUrl }) => ({ role, url: metricsUrl }));
    apis = await Promise.all(started.filter(({ role }) => role === 'api').map(({ url }) => Api.at(url)));
  });
  afterAll(async () => {
    const ends = await Promise.all(processes.map((child) => child.stop()));
    await ground.release();
    expect(ends.map(({ code }) => code)).toEqual(processes.map(() => 0));
  });

  const api = (n: number): Api => {
    const found = apis[n % apis.length];
    if (found === undefined) throw new Error('no api process');
    return found;
  };

  it('serves everybody in one order, whichever process they ask, and sells each ticket once', async () => {
    const offer = await api(0).offer({ capacity: 20 });
    const booked = await Promise.all(
      Array.from({ length: 60 }, (_, n) => api(n).book(offer, { paymentMethod: 'pm_ok' })),
    );
    expect(booked.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(booked.map((_, n) => n + 1));
    const ends = await Promise.all(
      booked.map(async (accepted, n) => {
        const state = await eventually(`booking ${n} settled`, async () => {
          const snapshot = await api(n + 1).read(accepted);
          return ['confirmed', 'sold_out'].includes(snapshot.state) ? String(snapshot.state) : null;
        });
        return { seq: Number(accepted.seq), state };
      }),
    );
    const winners = ends.filter(({ state }) => state === 'confirmed').map(({ seq }) => seq);
    expect(winners.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    expect(await api(1).broken()).toEqual({});
  });

  it('makes one booking of 100 identical requests to both, and 100 answers that are equal to the byte', async () => {
    const offer = await api(0).offer({ capacity: 200, limitPerCustomer: 200 });
    const body = wish(offer);
    const key = unique('key');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => api(n).post('/api/bookings', body).set('Idempotency-Key', key)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    // Both processes were given the same address to name in links by nobody: that part alone may differ.
    const shown = answers.map(({ body: { links: _, ...rest } }) => JSON.stringify(rest));
    expect(new Set(shown).size).toBe(1);
    const [{ many }] = await ground.sql('select count(*)::int as many from booking where offer_id = $1', [
      offer.id,
    ]);
    expect(many).toBe(1);
  });

  it('keeps the limit of a customer who asks both at once', async () => {
    const offer = await api(0).offer({ limitPerCustomer: 3, capacity: 100 });
    const userId = unique('fan');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => api(n).post('/api/bookings', wish(offer, { userId }))),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
  });

  it('tells sockets of one process what others did, from the turn to the ticket', async () => {
    const offer = await api(0).offer({ capacity: 1 });
    const first = await api(0).book(offer);
    await api(0).until(first, 'held');
    const second = await api(1).book(offer);
    const watcher = await Watcher.connect(api(0).url, second.token);
    try {
      const joined = await watcher.join(second.bookingId);
      expect(joined).toMatchObject({ ok: true, snapshot: { state: 'waiting', position: 1 } });
      await api(1).delete(`/api/bookings/${first.bookingId}`, first.token).expect(200);
      const told = (state: string): Promise<Json> =>
        eventually(
          `a push of ${state}`,
          async () => watcher.bookings.find((event) => event.state === state) ?? null,
        );
      expect((await told('held')).deadline).not.toBeNull();
      await api(1)
        .post(`/api/bookings/${second.bookingId}/payment`, { paymentMethod: 'pm_ok' }, second.token)
        .expect(202);
      const { ticketCodes } = await told('confirmed');
      expect(ticketCodes).toHaveLength(1);
      const progress = watcher.bookings.map((event) => event.progress);
      expect(progress).toEqual([...progress].sort((a, b) => a - b));
      expect(progress).toEqual(expect.arrayContaining([20, 50, 80, 100]));
      expect(watcher.bookings.at(-1)).toMatchObject({
        state: 'confirmed',
        version: (await api(1).read(second)).version,
      });
    } finally {
      watcher.close();
    }
  });

  it('tells everybody of a line that it is sold out by one event, in every process', async () => {
    const offer = await api(0).offer({ capacity: 1 });
    const winner = await api(0).book(offer);
    await api(0).until(winner, 'held');
    const waiting = await Promise.all(Array.from({ length: 4 }, (_, n) => api(n).book(offer)));
    const watchers = await Promise.all(waiting.map(({ token }, n) => Watcher.connect(api(n).url, token)));
    try {
      await Promise.all(watchers.map((watcher, n) => watcher.join(waiting[n]?.bookingId)));
      await api(1)
        .post(`/api/bookings/${winner.bookingId}/payment`, { paymentMethod: 'pm_ok' }, winner.token)
        .expect(202);
      for (const watcher of watchers) {
        const event = await eventually(
          'a line event with the sell-out',
          async () => watcher.lines.find(({ soldOut }) => soldOut !== null) ?? null,
        );
        expect(event.soldOut).toMatchObject({ throughSeq: 5, minQuantity: 1 });
      }
    } finally {
      for (const watcher of watchers) watcher.close();
    }
  });

  it('has metrics and health in every role, and the API in the api role alone', async () => {
    for (const { role, url } of monitors) {
      const metrics = await fetch(`${url}/metrics`);
      expect(metrics.status).toBe(200);
      const text = await metrics.text();
      expect({ role, text }).toMatchObject({ text: expect.stringContaining('nodejs_eventloop_lag_seconds') });
      expect(text).toMatch(/^fairline_/m);
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
      const ready = await fetch(`${url}/health/ready`);
      const body: Json = await ready.json();
      const parts =
        role === 'worker' ? ['database', 'broker', 'realtime', 'worker'] : ['database', 'broker', 'realtime'];
      expect({ role, status: ready.status, parts: Object.keys(body.info).sort() }).toEqual({
        role,
        status: 200,
        parts: parts.sort(),
      });
    }
    for (const { url } of apis) expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  });

  it('explains itself at /docs', async () => {
    const page = await fetch(`${api(0).url}/docs`);
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html).toContain('swagger-ui');
    for (const [, asset = ''] of html.matchAll(/(?:src|href)="\.?\/?(docs\/[^"]+\.(?:js|css))"/g)) {
      expect({ asset, status: (await fetch(`${api(0).url}/${asset}`)).status }).toEqual({
        asset,
        status: 200,
      });
    }
    const document: Json = await (await fetch(`${api(0).url}/docs/openapi.json`)).json();
    expect(document.openapi).toMatch(/^3\./);
  });

  it('logs a request under the id that its sender gave, up to the job, and nothing personal or secret', async () => {
    const offer = await api(0).offer();
    const accepted = (
      await api(0)
        .post('/api/bookings', wish(offer, { email: 'private@example.org', paymentMethod: 'pm_ok' }))
        .set('X-Request-Id', 'trace-4711')
        .expect(202)
    ).body;
    await api(0).until(accepted, 'confirmed');
    const audit = await api(0)
      .get(`/api/admin/audit?bookingId=${accepted.bookingId}`, api(0).operator)
      .expect(200);
    expect(new Set(audit.body.events.map((event: Json) => event.correlationId))).toContain('trace-4711');
    const logs = processes.flatMap(({ lines, stderr }) => [...lines, stderr]).join('\n');
    for (const secret of ['private@example.org', accepted.token, 'pm_ok']) expect(logs).not.toContain(secret);
  });
});
