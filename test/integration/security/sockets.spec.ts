import { once } from 'node:events';
import { connect } from 'node:net';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'undici';
import { BoardGateway } from '../../../src/realtime/board.gateway.js';
import type { ClientEvents, JoinAnswer, ServerEvents } from '../../../src/realtime/events.js';
import { eventually, startApp, unique, type TestApp } from '../../support/app.js';
import { RawClient } from '../../support/raw.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;
type Client = Socket<ServerEvents, ClientEvents>;

const PER_ADDRESS = 3;
const PER_PROCESS = 8;
const UPGRADE =
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

describe('the sockets of the started application', () => {
  let test: TestApp;
  let accepted: Json;
  const clients: Client[] = [];

  beforeAll(async () => {
    test = await startApp({
      SOCKETS_PER_ADDRESS: String(PER_ADDRESS),
      SOCKETS_PER_PROCESS: String(PER_PROCESS),
      // This machine stands for the proxy in front, which says where calls come from.
      TRUSTED_PROXIES: '127.0.0.1',
      CORS_ORIGINS: 'https://shop.example',
      PUBLIC_URL: 'https://tickets.example',
    });
    accepted = await test.api.book(await test.api.offer());
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await none();
  });
  afterAll(() => test.close());

  /** Resolves once the server has seen everybody go. */
  const none = (): Promise<true> =>
    eventually('no socket is left', async () =>
      test.app.get(BoardGateway, { strict: false }).figures().sockets === 0 ? true : null,
    );

  function client(headers: Readonly<Record<string, string>> = {}, token: string = accepted.token): Client {
    const socket: Client = io(test.api.url, {
      ...{ transports: ['websocket'], forceNew: true, reconnection: false },
      ...{ auth: { token }, extraHeaders: { ...headers } },
    });
    clients.push(socket);
    return socket;
  }
  async function connected(from?: string): Promise<Client> {
    const socket = client(from === undefined ? {} : { 'x-forwarded-for': from });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return socket;
  }
  const gone = (socket: Client): Promise<string> =>
    new Promise((resolve) =>
      socket.connected ? socket.once('disconnect', resolve) : resolve('gone before'),
    );

  /** The server's answer to a request to open a socket. */
  async function upgrade(headers: Readonly<Record<string, string>>): Promise<string> {
    const raw = await RawClient.at(test.api.url);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    raw.send(`${UPGRADE.slice(0, -2)}${lines.join('')}\r\n`);
    await eventually('an answer', async () => (raw.text.includes('\r\n\r\n') ? true : null));
    if (raw.text.startsWith('HTTP/1.1 101')) raw.end();
    await raw.closed;
    return raw.text;
  }

  it('are opened by our own pages, by those that are listed and by what is no browser, and by no other page', async () => {
    for (const origin of ['https://shop.example', 'https://tickets.example']) {
      expect(await upgrade({ Origin: origin })).toMatch(/^HTTP\/1\.1 101 /);
    }
    expect(await upgrade({})).toMatch(/^HTTP\/1\.1 101 /);
    for (const origin of [
      ...['https://evil.example', 'https://shop.example.evil', 'http://shop.example', 'null', ''],
      ...['https://sub.shop.example', 'http://localhost:3000', 'file://', 'https://shop.example:8443'],
    ]) {
      const answer = await upgrade({ Origin: origin });
      expect({ origin, answer: answer.split('\r\n')[0] }).toEqual({
        ...{ origin, answer: 'HTTP/1.1 400 Bad Request' },
      });
      expect(answer).toContain('FORBIDDEN');
    }
  });

  it('end nothing where they are reset while they are opened: whose address nobody knows any more', async () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('unhandledRejection', note).on('uncaughtException', note);
    try {
      for (let n = 0; n < 100; n++) {
        const socket = connect(Number(new URL(test.api.url).port), '127.0.0.1');
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(UPGRADE);
        socket.resetAndDestroy();
      }
      // Whoever comes after them is served.
      await connected();
      expect(uncaught).toEqual([]);
    } finally {
      process.off('unhandledRejection', note).off('uncaughtException', note);
    }
  });

  it('are so many of one address, as the trusted proxy says it, and as many of another', async () => {
    const first = await connected('203.0.113.7');
    await connected('203.0.113.7');
    await connected('203.0.113.7');
    expect(await upgrade({ 'X-Forwarded-For': '203.0.113.7' })).toContain('RATE_LIMITED');
    // What a client writes itself stands before what the proxy adds.
    expect(await upgrade({ 'X-Forwarded-For': '198.51.100.1, 203.0.113.7' })).toContain('RATE_LIMITED');
    await connected('203.0.113.8');
    first.disconnect();
    await eventually('room for one more', async () =>
      (await upgrade({ 'X-Forwarded-For': '203.0.113.7' })).includes('101 Switching') ? true : null,
    );
  });

  it('are so many of this machine too where a trusted proxy says that they come from there', async () => {
    for (let n = 0; n < PER_ADDRESS; n++) await connected('127.0.0.9');
    expect(await upgrade({ 'X-Forwarded-For': '127.0.0.9' })).toContain('RATE_LIMITED');
  });

  it('are counted by the /64 of an IPv6 address', async () => {
    for (const host of ['::1', '::2', 'ffff:ffff:ffff:ffff']) {
      await connected(`2001:db8:1:2:${host}`.replace('2:::', '2::'));
    }
    expect(await upgrade({ 'X-Forwarded-For': '2001:db8:1:2:3:4:5:6' })).toContain('RATE_LIMITED');
    expect(await upgrade({ 'X-Forwarded-For': '2001:db8:1:3::1' })).toContain('101 Switching');
  });

  it('are so many in all, whoever they are', async () => {
    for (let n = 0; n < PER_PROCESS; n++) await connected(`203.0.113.${n}`);
    expect(await upgrade({ 'X-Forwarded-For': '203.0.113.200' })).toContain('OVERLOADED');
    await test.api.get('/api/offers').expect(200);
  });

  it('are closed where the token is not good, with its code, and leave nothing behind', async () => {
    const socket = client({}, 'nonsense');
    const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve));
    expect(error).toMatchObject({ message: 'UNAUTHENTICATED', data: { code: 'UNAUTHENTICATED' } });
    const raw = new WebSocket(`${test.api.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const told: string[] = [];
    raw.addEventListener('message', ({ data }) => told.push(String(data)));
    const closed = new Promise((resolve) => raw.addEventListener('close', resolve));
    await eventually('the opening', async () => (told.length > 0 ? true : null));
    raw.send('40{"token":"nonsense"}');
    await closed;
    expect(told.at(-1)).toMatch(/^44\{"message":"UNAUTHENTICATED"/);
  });

  it('watch sixteen bookings at most, and say so to the next', async () => {
    const offer = await test.api.offer({ capacity: 100, limitPerCustomer: 100 });
    const socket = client({}, test.api.operator);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    const answers: JoinAnswer[] = [];
    for (let n = 0; n < 17; n++) {
      const { bookingId } = await test.api.book(offer, { userId: unique('fan') });
      answers.push(await socket.timeout(5000).emitWithAck('join', { bookingId }));
    }
    expect(answers.filter(({ ok }) => ok)).toHaveLength(16);
    expect(answers.at(-1)).toMatchObject({ ok: false, code: 'VALIDATION_FAILED' });
  });

  it('are closed where too much comes at once, too fast or too large, and others stay open', async () => {
    const quiet = await connected();
    const loud = await connected();
    for (let n = 0; n < 200; n++) Reflect.apply(loud.emit, loud, ['noise', n]);
    expect(await gone(loud)).toMatch(/transport close|gone before/);
    const large = await connected();
    Reflect.apply(large.emit, large, ['join', { bookingId: 'x'.repeat(20_000) }]);
    expect(await gone(large)).toMatch(/transport (close|error)|gone before/);
    const { bookingId } = accepted;
    expect(await quiet.timeout(5000).emitWithAck('join', { bookingId })).toMatchObject({ ok: true });
  });

  it('have no transport but WebSocket', async () => {
    for (const method of ['GET', 'POST']) {
      const answer = await fetch(`${test.api.url}/socket.io/?EIO=4&transport=polling`, { method });
      expect(answer.status).toBe(400);
    }
  });

  it('open nothing for a booking that was only asked for in a query or a cookie', async () => {
    const url = `${test.api.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&token=${accepted.token}`;
    const raw = new WebSocket(url);
    const told: string[] = [];
    raw.addEventListener('message', ({ data }) => told.push(String(data)));
    const closed = new Promise((resolve) => raw.addEventListener('close', resolve));
    await eventually('the opening', async () => (told.length > 0 ? true : null));
    raw.send('40');
    await closed;
    expect(told.at(-1)).toContain('UNAUTHENTICATED');
  });
});
