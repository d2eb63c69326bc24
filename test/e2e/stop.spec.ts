import { Client } from 'pg';
import { freePort } from '../../src/database/embedded/free-port.js';
import { Api, eventually, Ground, wish } from '../support/app.js';
import { AppProcess } from '../support/process.js';

jest.setTimeout(90_000);

type Json = ReturnType<typeof JSON.parse>;

describe('a process that is told to end', () => {
  let ground: Ground;
  const processes: AppProcess[] = [];
  beforeEach(async () => {
    ground = await Ground.prepare();
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((child) => child.stop()));
    await ground.release();
  });

  async function start(
    role: string,
    env: Record<string, string> = {},
  ): Promise<{ child: AppProcess; api: Api }> {
    const ports = { PORT: String(await freePort()), PROMETHEUS_PORT: String(await freePort()) };
    const child = AppProcess.spawn(['--role', role], ground.env({ ...ports, ...env }));
    processes.push(child);
    return { child, api: await Api.at(await urlOf(child, Number(ports.PORT))) };
  }

  /** Logs are off: it listens when it answers. */
  async function urlOf(child: AppProcess, port: number): Promise<string> {
    const url = `http://127.0.0.1:${port}`;
    await child.listening();
    return url;
  }

  const connections = async (): Promise<Json[]> =>
    ground.sql(
      `select application_name from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and application_name like 'fairline%'`,
    );

  it('answers every request that it has taken, then goes with code 0 and leaves no connection', async () => {
    const { child, api } = await start('api', { LOG_LEVEL: 'info' });
    const offer = await api.offer({ capacity: 100 });
    // Nothing is accepted while somebody else holds the line: so the requests are under way when the signal comes.
    const blocker = new Client({ connectionString: ground.databaseUrl });
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('select 1 from booking_line where offer_id = $1 for update', [offer.id]);
    const answers = Array.from(
      { length: 50 },
      async () => (await api.post('/api/bookings', wish(offer))).status,
    );
    await eventually('the batch waiting for the line', async () => {
      const waiting = await ground.sql(
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return waiting.length > 0 ? true : null;
    });
    child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await blocker.query('rollback');
    await blocker.end();
    expect(await Promise.all(answers)).toEqual(answers.map(() => 202));
    expect(await child.ended).toEqual({ code: 0, signal: null });
    const [{ many }] = await ground.sql('select count(*)::int as many from booking');
    expect(many).toBe(50);
    expect(await connections()).toEqual([]);
    await expect(fetch(`${api.url}/health/live`)).rejects.toThrow();
  });

  it('ends the job that is under way before it goes', async () => {
    const { child, api } = await start('all', { STEP_SECONDS: '0,0,1,0,0', LOG_LEVEL: 'info' });
    const accepted = await api.book(await api.offer(), { paymentMethod: 'pm_ok', email: 'fan@example.org' });
    await api.until(accepted, 'paid');
    child.kill('SIGTERM');
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(await ground.sql('select state from booking')).toEqual([{ state: 'confirmed' }]);
    await ground.mail('ticket', accepted.bookingId);
    expect(await connections()).toEqual([]);
  });

  it('hands back a job that takes longer than its bound: another worker ends it, and no step is done twice', async () => {
    const slow = await start('all', {
      STEP_SECONDS: '0,0,30,0,0',
      SHUTDOWN_TIMEOUT_SECONDS: '1',
      LOG_LEVEL: 'info',
    });
    const accepted = await slow.api.book(await slow.api.offer(), { paymentMethod: 'pm_ok' });
    await slow.api.until(accepted, 'paid');
    const begun = Date.now();
    slow.child.kill('SIGTERM');
    expect(await slow.child.ended).toEqual({ code: 0, signal: null });
    // One second for the job and ten for the rest, at the very most.
    expect(Date.now() - begun).toBeLessThan(15_000);
    expect(await ground.sql('select state from booking')).toEqual([{ state: 'paid' }]);
    const { api } = await start('all', { LOG_LEVEL: 'info' });
    await api.until(accepted, 'confirmed');
    expect(await ground.sql('select state from sandbox_bank.charges')).toEqual([{ state: 'captured' }]);
    expect(await api.broken()).toEqual({});
  });

  it('loses nothing when it is killed instead: the next one takes up where it stopped', async () => {
    const killed = await start('all', {
      STEP_SECONDS: '0,0,30,0,0',
      JOB_DEADLINE_SECONDS: '60',
      LOG_LEVEL: 'info',
    });
    const offer = await killed.api.offer({ capacity: 1, holdSeconds: 3 });
    const accepted = await killed.api.book(offer);
    await killed.api.until(accepted, 'held');
    const next = await killed.api.book(offer, { paymentMethod: 'pm_ok' });
    killed.child.kill('SIGKILL');
    expect(await killed.child.ended).toEqual({ code: null, signal: 'SIGKILL' });
    const { api } = await start('all', { LOG_LEVEL: 'info' });
    await api.until(accepted, 'expired');
    await api.until(next, 'confirmed');
    expect(await api.broken()).toEqual({});
  });
});
