import { freePort } from '../../src/database/embedded/free-port.js';
import { StableAddress } from '../conformance/stable-address.js';
import { Api, eventually, Ground, wish } from '../support/app.js';
import { AppProcess } from '../support/process.js';

jest.setTimeout(90_000);

type Json = ReturnType<typeof JSON.parse>;

describe('while the database is away', () => {
  let ground: Ground;
  let child: AppProcess;
  let api: Api;
  let metricsUrl: string;
  /** The application reaches the database through it, the test does not. */
  const address = new StableAddress();
  beforeAll(async () => {
    ground = await Ground.prepare();
    await back();
    const ports = { PORT: String(await freePort()), PROMETHEUS_PORT: String(await freePort()) };
    const env = ground.env({ ...ports, LOG_LEVEL: 'info', DATABASE_URL: address.of(ground.databaseUrl) });
    child = AppProcess.spawn([], env);
    const { url, metricsUrl: monitor } = await child.listening();
    [api, metricsUrl] = [await Api.at(url), monitor];
  });
  afterAll(async () => {
    await child.stop();
    await address.close();
    await ground.release();
  });

  const away = (): Promise<void> => address.close();
  const back = (): Promise<void> => address.open(new URL(ground.databaseUrl));
  const ready = async (base: string): Promise<{ status: number; body: Json }> => {
    const answer = await fetch(`${base}/health/ready`);
    return { status: answer.status, body: await answer.json() };
  };

  it('lives, says what is missing, refuses as a problem, and goes on by itself when it is back', async () => {
    const offer = await api.offer({ capacity: 50 });
    const before = await api.book(offer);
    await api.until(before, 'held');
    expect((await ready(api.url)).status).toBe(200);
    await away();
    try {
      for (const base of [api.url, metricsUrl]) {
        const answer = await eventually('readiness to fail', async () => {
          const seen = await ready(base);
          return seen.status === 503 ? seen : null;
        });
        expect(answer.body.error.database).toMatchObject({ status: 'down' });
        expect(JSON.stringify(answer.body)).not.toContain('postgres');
        expect((await fetch(`${base}/health/live`)).status).toBe(200);
      }
      for (const asked of [
        api.post('/api/bookings', wish(offer)),
        api.get(`/api/bookings/${before.bookingId}`, before.token),
        api.get('/api/admin/invariants', api.operator),
      ]) {
        const { status, body, headers } = await asked;
        expect({ status, code: body.code, retry: headers['retry-after'] }).toEqual({
          status: 503,
          code: 'UNAVAILABLE',
          retry: '1',
        });
      }
      expect((await fetch(`${metricsUrl}/metrics`)).status).toBe(200);
    } finally {
      await back();
    }
    await eventually('readiness', async () => ((await ready(api.url)).status === 200 ? true : null));
    const after = await api.book(offer, { paymentMethod: 'pm_ok' });
    await api.until(after, 'confirmed');
    expect(await api.read(before)).toMatchObject({ state: 'held' });
    expect(await api.broken()).toEqual({});
    expect(child.isRunning).toBe(true);
  });

  it('is missed by no request that comes at the moment when the connections break', async () => {
    const offer = await api.offer({ capacity: 500, maxQuantity: 1 });
    const answers: number[] = [];
    const crowd = Array.from({ length: 8 }, async () => {
      for (let n = 0; n < 25; n++) answers.push((await api.post('/api/bookings', wish(offer))).status);
    });
    for (let cut = 0; cut < 4; cut++) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      await ground.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'fairline%'",
      );
    }
    await Promise.all(crowd);
    // A batch whose commit was cut is sent again: whoever was answered 202 is in, once, and nobody else is.
    const accepted = answers.filter((status) => status === 202).length;
    expect(answers.filter((status) => status !== 202 && status !== 503)).toEqual([]);
    await eventually('the ledger at rest', async () => {
      const [{ many }] = await ground.sql('select count(*)::int as many from booking where offer_id = $1', [
        offer.id,
      ]);
      return many === accepted ? true : null;
    });
    expect(await api.broken()).toEqual({});
  });
});
