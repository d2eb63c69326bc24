import { WebSocket } from 'undici';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { bookingId, eventually, type Node, SharedLine, startNode, Watcher } from './support.js';

describe('the board on two processes and one database', () => {
  let database: TestDatabase;
  let line: SharedLine;
  let a: Node;
  let b: Node;
  const watchers: Watcher[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });
  beforeEach(async () => {
    line = new SharedLine();
    [a, b] = await Promise.all([startNode(database.url, line), startNode(database.url, line)]);
  });
  afterEach(async () => {
    for (const { socket } of watchers.splice(0)) socket.disconnect();
    await Promise.all([a.app.close(), b.app.close()]);
  });

  const watch = async (node: Node, token: unknown, headers?: Record<string, string>): Promise<Watcher> => {
    const watcher = new Watcher(node.url, { token }, headers);
    watchers.push(watcher);
    return await watcher.connected();
  };
  const watchBooking = async (node: Node, seq: number): Promise<Watcher> => {
    const watcher = await watch(node, bookingId(seq));
    expect(await watcher.join({ bookingId: bookingId(seq) })).toMatchObject({ ok: true });
    return watcher;
  };

  it('answers a join with the snapshot and the line, and a rejoin with those of now', async () => {
    const watcher = await watch(a, bookingId(3));
    const first = await watcher.join({ bookingId: bookingId(3) });
    expect(first).toMatchObject({
      ok: true,
      snapshot: { bookingId: bookingId(3), state: 'waiting', position: 3, version: 1 },
      line: { offerId: 'offer', version: 1, front: 1, last: 10, waiting: 10 },
    });
    line.leave(1);
    const again = await watcher.join({ bookingId: bookingId(3), version: line.version });
    expect(again).toMatchObject({
      ok: true,
      snapshot: { position: 2, version: 2 },
      line: { front: 2, version: 2 },
    });
  });

  it('never answers older than the version that the client has seen, on another process too', async () => {
    await watchBooking(a, 3);
    await watchBooking(b, 4);
    line.leave(1);
    const watcher = await watch(b, bookingId(3));
    expect(await watcher.join({ bookingId: bookingId(3), version: 2 })).toMatchObject({
      snapshot: { position: 2, version: 2 },
      line: { version: 2 },
    });
  });

  it('pushes what a notifier of one process tells to the socket on another, and to nobody else', async () => {
    const [own, other] = await Promise.all([watchBooking(b, 3), watchBooking(b, 4)]);
    line.leave(3);
    a.notifier.bookings([line.booking(3, { state: 'held', deadline: '2026-01-01T00:02:00.000Z' })]);
    await eventually(() => own.bookings.length === 1);
    const [told] = own.bookings;
    expect(told).toMatchObject({ bookingId: bookingId(3), state: 'held', position: null, version: 2 });
    expect(JSON.stringify(told)).not.toContain('somebody@example.org');
    expect(Math.abs(Date.parse(told?.serverTime ?? '') - Date.now())).toBeLessThan(5000);
    expect(other.bookings).toEqual([]);
  });

  it('pushes a booking with more tickets than a notification can carry', async () => {
    const watcher = await watchBooking(b, 3);
    const codes = Array.from({ length: 300 }, (_, index) => `code-${index}-`.padEnd(40, 'x'));
    a.notifier.progress(line.booking(3, { state: 'confirmed', progress: 100 }), codes);
    await eventually(() => watcher.bookings.length === 1);
    expect(watcher.bookings[0]?.ticketCodes).toEqual(codes);
  });

  it('tells the last state of a booking that moved several times at once, and nothing of those sold out', async () => {
    const [moved, soldOut] = await Promise.all([watchBooking(b, 3), watchBooking(b, 4)]);
    a.notifier.bookings([line.booking(3, { state: 'held' }), line.booking(4, { state: 'sold_out' })]);
    a.notifier.progress(line.booking(3, { state: 'paid', progress: 20 }), []);
    a.notifier.progress(line.booking(3, { state: 'paid', progress: 50 }), ['code']);
    await eventually(() => moved.bookings.some(({ progress }) => progress === 50));
    expect(moved.bookings.map(({ progress }) => progress)).toEqual([50]);
    expect(soldOut.bookings).toEqual([]);
  });

  it('takes 500 grants at once without holding up its caller, and tells each', async () => {
    const watcher = await watchBooking(b, 3);
    const grants = Array.from({ length: 500 }, (_, index) => line.booking(index + 1, { state: 'held' }));
    a.notifier.bookings(grants);
    await eventually(() => watcher.bookings.length === 1);
    await eventually(
      () => 'figures' in a.notifier && JSON.stringify(a.notifier.figures).includes('"sent":500'),
    );
  });

  it('tells how the line moves to the sockets of every process', async () => {
    const [onA, onB] = await Promise.all([watchBooking(a, 5), watchBooking(b, 6)]);
    line.leave(1);
    a.notifier.line({ offerId: 'offer', version: line.version });
    await eventually(() => onA.lines.length > 0 && onB.lines.length > 0);
    for (const { lines } of [onA, onB]) expect(lines[0]).toMatchObject({ version: 2, front: 2, waiting: 9 });
  });

  it('tells it too where every hint was lost, and never an older version', async () => {
    const watcher = await watchBooking(b, 5);
    for (let seq = 1; seq <= 3; seq += 1) {
      line.leave(seq);
      await eventually(() => watcher.lines.at(-1)?.version === line.version);
    }
    const versions = watcher.lines.map(({ version }) => version);
    expect(versions).toEqual([...versions].sort((x, y) => x - y));
    expect(watcher.lines.at(-1)).toMatchObject({ front: 4, waiting: 7 });
  });

  it('lets nobody tell a foreign booking from one that does not exist', async () => {
    const watcher = await watch(a, bookingId(3));
    const foreign = await watcher.join({ bookingId: bookingId(4) });
    const absent = await watcher.join({ bookingId: bookingId(999) });
    const missing = await (await watch(a, 'operator')).join({ bookingId: bookingId(999) });
    expect(foreign).toEqual({ ok: false, code: 'BOOKING_NOT_FOUND', title: 'There is no such booking' });
    expect(absent).toEqual(foreign);
    expect(missing).toEqual(foreign);
    b.notifier.bookings([line.booking(4, { state: 'held' })]);
    a.notifier.bookings([line.booking(3, { state: 'held' })]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(watcher.bookings).toEqual([]);
  });

  it.each([undefined, null, 7, {}, [], '', 'x'.repeat(5000)])(
    'opens nothing with the token %p',
    async (token) => {
      const watcher = await watch(a, token);
      expect(await watcher.join({ bookingId: bookingId(3) })).toMatchObject({
        ok: false,
        code: 'BOOKING_NOT_FOUND',
      });
    },
  );

  it('answers whatever is no join with VALIDATION_FAILED, and goes on', async () => {
    const watcher = await watch(a, bookingId(3));
    const malformed: unknown[] = [
      null,
      7,
      'text',
      [],
      {},
      { bookingId: 7 },
      { bookingId: 'x'.repeat(1000) },
      { bookingId: "' or 1=1 --" },
      { bookingId: `${bookingId(3)}\u0000` },
      { bookingId: bookingId(3), version: -1 },
      { bookingId: bookingId(3), version: '1' },
      { bookingId: bookingId(3), version: 1.5 },
      { bookingId: bookingId(3), version: 1e300 },
      Buffer.from('binary'),
    ];
    for (const payload of malformed) {
      const answer = new Promise((resolve) => watcher.send('join', payload, resolve));
      expect(await answer).toMatchObject({ ok: false, code: 'VALIDATION_FAILED' });
    }
    expect(await new Promise((resolve) => watcher.send('join', resolve))).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect(await watcher.join({ bookingId: bookingId(3) })).toMatchObject({ ok: true });
  });

  it('survives a join without an acknowledgement, and events that it does not know', async () => {
    const watcher = await watch(a, bookingId(3));
    watcher.send('join');
    watcher.send('join', { bookingId: 'nonsense' });
    watcher.send('join', { bookingId: bookingId(4) });
    watcher.send('line', { version: 1 });
    watcher.send('__proto__', {});
    watcher.send('join', { bookingId: bookingId(3) });
    await eventually(() => watcher.bookings.length === 1);
    expect(watcher.bookings[0]).toMatchObject({ bookingId: bookingId(3), position: 3 });
  });

  it('refuses a join while the ledger fails, and answers once it is back', async () => {
    const watcher = await watch(a, bookingId(3));
    line.down = true;
    expect(await watcher.join({ bookingId: bookingId(3) })).toMatchObject({ ok: false, code: 'INTERNAL' });
    line.down = false;
    expect(await watcher.join({ bookingId: bookingId(3) })).toMatchObject({ ok: true });
  });

  it('watches at most 16 bookings by one socket', async () => {
    line.lastSeq = 20;
    for (let seq = 11; seq <= 20; seq += 1) line.waiting.add(seq);
    const watcher = await watch(a, 'operator');
    for (let seq = 1; seq <= 16; seq += 1)
      expect(await watcher.join({ bookingId: bookingId(seq) })).toMatchObject({ ok: true });
    expect(await watcher.join({ bookingId: bookingId(17) })).toMatchObject({
      ok: false,
      code: 'VALIDATION_FAILED',
    });
    expect(await watcher.join({ bookingId: bookingId(1) })).toMatchObject({ ok: true });
    expect(a.gateway.figures()).toMatchObject({ sockets: 1, watched: 16 });
    watcher.socket.disconnect();
    await eventually(() => a.gateway.figures().sockets === 0);
    expect(a.gateway.figures().watched).toBe(0);
  });

  it('cuts off who sends too much at once, and only them', async () => {
    const quiet = await watchBooking(a, 4);
    const loud = await watch(a, bookingId(3));
    for (let times = 0; times < 200; times += 1) loud.send('anything', times);
    await loud.disconnected();
    expect(quiet.socket.connected).toBe(true);
    expect(await quiet.join({ bookingId: bookingId(4) })).toMatchObject({ ok: true });
  });

  it('cuts off who sends a message beyond 16 kB, and only them', async () => {
    const quiet = await watchBooking(a, 4);
    const large = await watch(a, bookingId(3));
    large.send('join', { bookingId: 'x'.repeat(20_000) });
    await large.disconnected();
    expect(await quiet.join({ bookingId: bookingId(4) })).toMatchObject({ ok: true });
  });

  it('closes a connection that speaks no Socket.IO, and goes on', async () => {
    const raw = new WebSocket(`${a.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const closed = new Promise((resolve) => raw.addEventListener('close', resolve));
    await new Promise((resolve) => raw.addEventListener('open', resolve));
    raw.send('4{"not":"a packet"');
    raw.send('42["join",{"bookingId":');
    await closed;
    await watchBooking(a, 3);
  });

  it('has no transport but WebSocket', async () => {
    const answer = await fetch(`${a.url}/socket.io/?EIO=4&transport=polling`);
    expect(answer.status).toBe(400);
  });

  it('lets in our own pages and clients without an origin, and keeps out pages of others', async () => {
    await watch(a, bookingId(3));
    await watch(a, bookingId(3), { origin: 'https://tickets.example' });
    await watch(a, bookingId(3), { origin: a.url });
    await expect(watch(a, bookingId(3), { origin: 'https://evil.example' })).rejects.toThrow(
      'websocket error',
    );
  });
});

describe('the board with listed origins', () => {
  it('lets in those and no other', async () => {
    const database = await createTestDatabase();
    const node = await startNode(database.url, new SharedLine(), { CORS_ORIGINS: 'https://shop.example' });
    const attempts = ['https://shop.example', 'http://localhost:3000', 'https://shop.example.evil'].map(
      (origin) => new Watcher(node.url, {}, { origin }),
    );
    const outcomes = await Promise.allSettled(attempts.map((attempt) => attempt.connected()));
    for (const { socket } of attempts) socket.disconnect();
    await node.app.close();
    await database.drop();
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });
});
