import { Client } from 'pg';
import { PgNotifier } from '../../../src/realtime/pg-notifier.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { bookingId, eventually, type Node, SharedLine, startNode, Watcher } from './support.js';

/** Socket.IO's adapter waits one to three seconds before it connects again. */
jest.setTimeout(60_000);

describe('the board while PostgreSQL fails', () => {
  let database: TestDatabase;
  let admin: Client;
  let name: string;
  let line: SharedLine;
  let a: Node;
  let b: Node;
  let watcher: Watcher;

  beforeEach(async () => {
    database = await createTestDatabase();
    name = new URL(database.url).pathname.slice(1);
    const elsewhere = new URL(database.url);
    elsewhere.pathname = '/postgres';
    admin = new Client({ connectionString: elsewhere.href });
    await admin.connect();
    line = new SharedLine();
    [a, b] = await Promise.all([startNode(database.url, line), startNode(database.url, line)]);
    watcher = await new Watcher(b.url, { token: bookingId(3) }).connected();
    expect(await watcher.join({ bookingId: bookingId(3) })).toMatchObject({ ok: true });
  });
  afterEach(async () => {
    watcher.socket.disconnect();
    await Promise.all([a.app.close(), b.app.close()]);
    await admin.end();
    await database.drop();
  });

  const allowConnections = async (allowed: boolean): Promise<void> =>
    void (await admin.query(`alter database ${name} allow_connections ${allowed}`));
  const killConnections = async (): Promise<number | null> =>
    (await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]))
      .rowCount;

  it('comes back by itself after all its connections were killed, again and again', async () => {
    for (let times = 1; times <= 4; times += 1) {
      // the sender's and the receiver's at least; the others may still be on their way back
      expect(await killConnections()).toBeGreaterThanOrEqual(2);
      let told = 0;
      await eventually(() => {
        a.notifier.progress(line.booking(3, { state: 'paid', progress: (told += 1) }), []);
        return watcher.bookings.length > 0;
      });
      // let the rest of what was sent arrive
      await new Promise((resolve) => setTimeout(resolve, 200));
      watcher.bookings.length = 0;
    }
  });

  it('keeps what it is told while there is no database, and sends it once there is one', async () => {
    await allowConnections(false);
    await killConnections();
    await eventually(() => !a.notifier.connected);
    line.leave(1);
    a.notifier.line({ offerId: 'offer', version: line.version });
    a.notifier.bookings([line.booking(3, { state: 'held' })]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await allowConnections(true);
    await eventually(() => a.notifier.figures.sent === 2);
    expect(a.notifier.figures.dropped).toBe(0);
  });

  it('shows the line as it is although every hint was lost', async () => {
    await allowConnections(false);
    await killConnections();
    line.leave(1);
    a.notifier.line({ offerId: 'offer', version: line.version });
    await eventually(() => watcher.lines.at(-1)?.version === line.version);
    await allowConnections(true);
  });

  it('shuts down in time without a database', async () => {
    await allowConnections(false);
    await killConnections();
    a.notifier.bookings([line.booking(3, { state: 'held' })]);
    const began = performance.now();
    watcher.socket.disconnect();
    await Promise.all([a.app.close(), b.app.close()]);
    expect(performance.now() - began).toBeLessThan(8000);
    await allowConnections(true);
  });

  it('takes every call and stops, where there never was a database', async () => {
    const failures: unknown[] = [];
    const notifier = new PgNotifier('postgres://nobody@127.0.0.1:9/nothing', 'http://localhost', (error) =>
      failures.push(error),
    );
    for (let seq = 1; seq <= 12_000; seq += 1) {
      notifier.bookings([line.booking(seq, { id: bookingId(seq), state: 'held' })]);
      notifier.line({ offerId: 'offer', version: seq });
    }
    await eventually(() => failures.length > 0);
    expect(notifier.connected).toBe(false);
    expect(notifier.figures).toEqual({ sent: 0, dropped: 2000 });
    await notifier.close();
    await notifier.close();
  });
});
