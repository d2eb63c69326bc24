import type { Test as Asked } from 'supertest';
import { register } from 'prom-client';
import { io, type Socket } from 'socket.io-client';
import { jwt, startApp, unique, wish, type TestApp } from '../../support/app.js';

const LIMITS = {
  RATE_LIMIT_PER_CUSTOMER: '6/600s',
  RATE_LIMIT_PER_ADDRESS: '8/600s',
  RATE_LIMIT_READS_PER_CUSTOMER: '5/600s',
  RATE_LIMIT_READS_PER_ADDRESS: '9/600s',
  RATE_LIMIT_FAILURES_PER_ADDRESS: '3/600s',
  RATE_LIMIT_TICKET_CODES_PER_ADDRESS: '4/600s',
  RATE_LIMIT_SOCKETS_PER_ADDRESS: '7/600s',
  RATE_LIMIT_JOINS_PER_CUSTOMER: '3/600s',
};

type Offer = Parameters<typeof wish>[0];
let hosts = 0;
/** An address that no other test uses. */
const address = (): string => `198.51.100.${++hosts}`;

/** How an answer went: 202, or the code of its refusal, with the limit that was met. */
async function outcome(asked: Asked): Promise<string> {
  const { status, body } = await asked;
  return body.code === undefined ? String(status) : [body.code, body.limit].filter(Boolean).join(' ');
}

/** The outcomes of so many requests, one after the other. */
async function outcomes(count: number, ask: (i: number) => Asked): Promise<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < count; i++) seen.push(await outcome(ask(i)));
  return seen;
}

const times = (count: number, what: string): string[] => Array<string>(count).fill(what);

describe('limits behind a proxy that is trusted', () => {
  let test: TestApp;
  let offer: Offer;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    test = await startApp({ ...LIMITS, TRUSTED_PROXIES: '127.0.0.1' });
    offer = await test.api.offer({ capacity: 1000, limitPerCustomer: 20 });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.disconnect();
    await test.close();
  });

  const from = (ip: string, asked: Asked): Asked => asked.set('X-Forwarded-For', ip);
  const book = (ip: string, userId: string, token?: string): Asked =>
    from(ip, test.api.post('/api/bookings', wish(offer, { userId }), token));

  it('a customer gets their quota from wherever they call, and is then told when to come again', async () => {
    const userId = unique('fan');
    expect(await outcomes(6, () => book(address(), userId))).toEqual(times(6, '202'));
    const { status, body, headers } = await book(address(), userId);
    expect({ status, body }).toMatchObject({
      status: 429,
      body: { code: 'RATE_LIMITED', limit: 'customer', quota: 6, windowSeconds: 600, remaining: 0 },
    });
    // A sixth of a window makes room for one; some of it has passed.
    expect(Number(headers['retry-after'])).toBeGreaterThan(60);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(100);
    expect(body.retryAfterSeconds).toBe(Number(headers['retry-after']));
    expect(headers).toMatchObject({
      'ratelimit-policy': '"customer";q=6;w=600',
      ratelimit: `"customer";r=0;t=${headers['retry-after']}`,
    });
    expect(await outcome(book(address(), unique('fan')))).toBe('202');
  });

  it('the same request again counts as well', async () => {
    const userId = unique('fan');
    const body = wish(offer, { userId });
    const again = (): Asked =>
      from(address(), test.api.post('/api/bookings', body).set('Idempotency-Key', userId));
    expect(await outcomes(7, again)).toEqual([...times(6, '202'), 'RATE_LIMITED customer']);
  });

  it('paying and leaving count like booking, and by the token of the booking', async () => {
    const accepted = await book(address(), unique('fan')).expect(202);
    const { bookingId, token } = accepted.body;
    const ask = (i: number): Asked => {
      const path = `/api/bookings/${bookingId}`;
      const payment = { paymentMethod: 'pm_ok' };
      return from(
        address(),
        i % 2 === 0 ? test.api.delete(path, token) : test.api.post(`${path}/payment`, payment, token),
      );
    };
    const seen = await outcomes(7, ask);
    expect(seen[0]).toBe('200');
    expect(seen.slice(1)).toEqual([...times(5, 'ALREADY_SETTLED'), 'RATE_LIMITED customer']);
  });

  it('operators are not limited as customers', async () => {
    const userId = unique('fan');
    expect(await outcomes(8, () => book(address(), userId, test.api.operator))).toEqual(times(8, '202'));
  });

  it('an acceptance tells the quota to those who have used half of it', async () => {
    const userId = unique('fan');
    const shown: unknown[] = [];
    for (let i = 0; i < 5; i++) shown.push((await book(address(), userId)).headers['ratelimit']);
    expect(shown.slice(0, 3)).toEqual(times(3, 'undefined').map(() => undefined));
    expect(shown[3]).toMatch(/^"customer";r=2;t=\d+$/);
    expect(shown[4]).toMatch(/^"customer";r=1;t=\d+$/);
  });

  it('an address gets its quota whoever calls from there, and a network of IPv6 is one', async () => {
    const ip = address();
    expect(await outcomes(9, () => book(ip, unique('fan')))).toEqual([
      ...times(8, '202'),
      'RATE_LIMITED address',
    ]);
    const near = await outcomes(9, (i) => book(`2001:db8:7:${i % 2}::${i + 1}`, unique('fan')));
    expect(near).toEqual(times(9, '202'));
    const network = await outcomes(9, (i) =>
      book(`2001:db8:8::${(i * 4096 + 1).toString(16)}`, unique('fan')),
    );
    expect(network).toEqual([...times(8, '202'), 'RATE_LIMITED address']);
  });

  it('what a client writes before the entry of the proxy changes nothing', async () => {
    const ip = address();
    const seen = await outcomes(9, (i) => book(`203.0.113.${i}, ${ip}`, unique('fan')));
    expect(seen).toEqual([...times(8, '202'), 'RATE_LIMITED address']);
  });

  it('a client on this machine that comes by the proxy is an address like any other', async () => {
    const seen = await outcomes(9, () => book('127.0.0.9', unique('fan')));
    expect(seen).toEqual([...times(8, '202'), 'RATE_LIMITED address']);
  });

  it('each read tells how it stands, as the customer or else as the address', async () => {
    const { body } = await book(address(), unique('fan')).expect(202);
    const read = (ip: string): Asked => from(ip, test.api.get(`/api/bookings/${body.bookingId}`, body.token));
    for (const left of [4, 3, 2, 1, 0]) {
      const { headers } = await read(address()).expect(200);
      expect(headers['ratelimit']).toMatch(new RegExp(`^"customer-reads";r=${left};t=\\d+$`));
      expect(headers['ratelimit-policy']).toBe('"customer-reads";q=5;w=600');
    }
    expect(await outcome(read(address()))).toBe('RATE_LIMITED customer-reads');
    const ip = address();
    const seen = await outcomes(10, () => from(ip, test.api.get('/api/offers')));
    expect(seen).toEqual([...times(9, '200'), 'RATE_LIMITED address-reads']);
  });

  it('whoever tries tokens is told no more, and good ones from the same address open all the same', async () => {
    const ip = address();
    const guess = (i: number): Asked => from(ip, test.api.get('/api/offers', `guess-${i}`));
    expect(await outcomes(5, guess)).toEqual([
      ...times(3, 'UNAUTHENTICATED'),
      ...times(2, 'RATE_LIMITED address-failures'),
    ]);
    expect(await outcome(book(ip, 'ann', await jwt({ sub: 'bob' })))).toBe('USER_MISMATCH');
    expect(await outcome(book(ip, unique('fan'), 'guess'))).toBe('RATE_LIMITED address-failures');
    expect(await outcome(book(address(), unique('fan'), 'guess'))).toBe('UNAUTHENTICATED');
  });

  it('whoever tries ticket codes gets few tries, and operators at a door as many as they need', async () => {
    const ip = address();
    const look = (token?: string): Asked => from(ip, test.api.get('/api/tickets/ABCD-EFGH-JKMN', token));
    expect(await outcomes(5, () => look())).toEqual([
      ...times(4, 'TICKET_NOT_FOUND'),
      'RATE_LIMITED address-ticket-codes',
    ]);
    expect(await outcome(look(test.api.operator))).toBe('TICKET_NOT_FOUND');
  });

  /** Why a socket did not open, or null. */
  const open = async (ip: string, token: string): Promise<{ socket: Socket; refused: string | null }> => {
    const socket = io(test.api.url, {
      transports: ['websocket'],
      auth: { token },
      extraHeaders: { 'x-forwarded-for': ip },
      reconnection: false,
      forceNew: true,
    });
    sockets.push(socket);
    const refused = await new Promise<string | null>((done) => {
      socket.once('connect', () => done(null));
      socket.once('connect_error', (error) => done(error.message));
    });
    return { socket, refused };
  };

  it('sockets that an address opens are counted, and tokens tried on them, and joins of a customer', async () => {
    const { body } = await book(address(), unique('fan')).expect(202);
    const ip = address();
    const { socket, refused } = await open(ip, body.token);
    expect(refused).toBeNull();
    const joins: unknown[] = [];
    for (let i = 0; i < 4; i++)
      joins.push(await socket.timeout(5000).emitWithAck('join', { bookingId: body.bookingId }));
    expect(joins.slice(0, 3)).toEqual(times(3, '').map(() => expect.objectContaining({ ok: true })));
    expect(joins[3]).toMatchObject({ ok: false, code: 'RATE_LIMITED' });

    const guesses: unknown[] = [];
    for (let i = 0; i < 4; i++) guesses.push((await open(ip, `guess-${i}`)).refused);
    expect(guesses).toEqual([...times(3, 'UNAUTHENTICATED'), 'RATE_LIMITED']);
    expect((await open(ip, body.token)).refused).toBeNull();
    expect((await open(ip, body.token)).refused).toBeNull();
    // The eighth connection is refused before Socket.IO says a word.
    expect((await open(ip, body.token)).refused).toBe('websocket error');
    expect((await open(address(), body.token)).refused).toBeNull();
  });

  it('neither metrics nor the shared counts say who was limited', async () => {
    const userId = unique('someone');
    const ip = address();
    await outcomes(7, () => book(ip, userId));
    const text = await register.metrics();
    expect(text).toMatch(/^fairline_rate_limited_total\{limit="customer"\} \d+$/m);
    expect(text).toMatch(/^fairline_rate_limit_keys\{limit="address"\} \d+$/m);
    expect(text).not.toContain(userId);
    expect(text).not.toContain('198.51.100.');
    const rows = await test.ground.sql('select key from rate_limit');
    expect(rows.length).toBeGreaterThan(0);
    for (const { key } of rows) expect(key).toMatch(/^[\w-]{22}$/);
  });
});

describe('limits where no proxy is trusted', () => {
  let test: TestApp;
  let offer: Offer;

  beforeAll(async () => {
    test = await startApp(LIMITS);
    offer = await test.api.offer({ capacity: 1000, limitPerCustomer: 20 });
  });
  afterAll(async () => {
    await test.close();
  });

  const book = (userId: string, forwarded: string): Asked =>
    test.api.post('/api/bookings', wish(offer, { userId })).set('X-Forwarded-For', forwarded);

  it('this machine is no address that is refused: a proxy here would make everybody one', async () => {
    expect(await outcomes(20, () => book(unique('fan'), '198.51.100.200'))).toEqual(times(20, '202'));
  });

  it('a forged address gives nobody another quota', async () => {
    const userId = unique('fan');
    const seen = await outcomes(7, (i) => book(userId, `198.51.100.${i}`));
    expect(seen).toEqual([...times(6, '202'), 'RATE_LIMITED customer']);
  });
});

describe('limits that are off', () => {
  it('refuse nobody and say nothing', async () => {
    const off = Object.fromEntries(Object.keys(LIMITS).map((name) => [name, 'off']));
    const test = await startApp(off);
    try {
      const seen: unknown[] = [];
      for (let i = 0; i < 20; i++) {
        const { status, headers } = await test.api.get('/api/offers');
        seen.push([status, headers['ratelimit']]);
      }
      expect(seen).toEqual(Array.from({ length: 20 }, () => [200, undefined]));
    } finally {
      await test.close();
    }
  });
});
