import type { Server } from 'node:http';
import type { Test } from 'supertest';
import { startApp, unique, wish, type TestApp } from '../../support/app.js';
import { RawClient } from '../../support/raw.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

const SHOP = 'https://shop.example';

describe('the started application', () => {
  let test: TestApp;
  let offer: Json;
  beforeAll(async () => {
    test = await startApp({ PUBLIC_URL: 'https://tickets.example', CORS_ORIGINS: SHOP });
    offer = await test.api.offer({ capacity: 1000 });
  });
  afterAll(() => test.close());

  const refusal = async (asked: Test): Promise<string> => {
    const { status, body } = await asked;
    return `${status} ${body.code}`;
  };
  const raw = (request: string): Promise<string> => RawClient.exchange(test.api.url, request);
  const codeIn = (answer: string): string => /"code":"(\w+)"/.exec(answer)?.[1] ?? answer.slice(0, 200);

  describe('in the headers of its answers', () => {
    const ALWAYS = {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'strict-transport-security': 'max-age=31536000',
    };
    const DATA = {
      ...ALWAYS,
      'content-security-policy': "frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    };

    it('lets nothing be kept, guessed at, framed, or asked for without TLS; refusals too', async () => {
      const { api } = test;
      const accepted = await api.post('/api/bookings', wish(offer)).expect(202);
      expect(accepted.headers).toMatchObject(ALWAYS);
      const path = `/api/bookings/${accepted.body.bookingId}`;
      for (const asked of [
        ...[api.get(path, accepted.body.token), api.get(path), api.get('/api/offers'), api.get('/nowhere')],
        ...[api.get('/api/admin/audit', api.operator), api.delete('/api/offers'), api.get('/health/live')],
      ]) {
        expect((await asked).headers).toMatchObject(DATA);
      }
      for (const broken of ['GET /%zz HTTP/1.1\r\nHost: x\r\n', 'NONSENSE\r\n']) {
        const answer = await raw(`${broken}Connection: close\r\n\r\n`);
        expect(answer.toLowerCase()).toContain('\r\nx-content-type-options: nosniff\r\n');
        expect(answer.toLowerCase()).toContain('\r\ncache-control: no-store\r\n');
      }
    });

    it('says nothing of what it is made of', async () => {
      const { headers } = await test.api.get('/api/offers');
      for (const name of ['server', 'x-powered-by', 'via']) expect(headers).not.toHaveProperty(name);
    });

    it('lets its pages run no script but its own', async () => {
      for (const path of ['/docs', '/docs/swagger-ui-init.js', '/admin/queues']) {
        const { headers } = await test.api.get(path).set('accept', 'text/html');
        expect(headers).toMatchObject({
          ...ALWAYS,
          'x-frame-options': 'DENY',
          'referrer-policy': 'same-origin',
        });
        const policy = String(headers['content-security-policy']).split('; ');
        expect(policy).toEqual(
          expect.arrayContaining([
            ...["default-src 'self'", "script-src 'self'", "object-src 'none'", "frame-ancestors 'none'"],
          ]),
        );
      }
    });
  });

  describe('to pages of other origins', () => {
    const preflight = (origin: string, method = 'POST'): Test =>
      test.api.http
        .options('/api/bookings')
        .set('Origin', origin)
        .set('Access-Control-Request-Method', method)
        .set('Access-Control-Request-Headers', 'authorization,content-type');

    it('says yes to those that are listed, for two hours, and never with cookies', async () => {
      const { status, headers } = await preflight(SHOP);
      expect(status).toBe(204);
      expect(headers).toMatchObject({
        'access-control-allow-origin': SHOP,
        'access-control-max-age': '7200',
        'access-control-allow-methods': 'GET, HEAD, POST, PATCH, DELETE',
      });
      expect(headers['access-control-allow-headers']?.split(', ')).toEqual(
        expect.arrayContaining(['authorization', 'content-type', 'idempotency-key', 'x-request-id']),
      );
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
      const read = await test.api.get('/api/offers').set('Origin', SHOP);
      expect(read.headers['access-control-allow-origin']).toBe(SHOP);
      expect(read.headers['vary']).toMatch(/origin/i);
    });

    it.each([
      ...[
        'https://evil.example',
        'http://shop.example',
        'https://shop.example.evil',
        'https://shop.example:444',
      ],
      ...['https://SHOP.example', 'https://sub.shop.example', 'null', 'https://tickets.example@evil.example'],
    ])('allows nothing to %s', async (origin) => {
      for (const { headers } of [
        await preflight(origin),
        await test.api.get('/api/offers').set('Origin', origin),
      ]) {
        expect(headers['access-control-allow-origin'] ?? SHOP).toBe(SHOP);
        expect(headers['access-control-allow-origin']).not.toBe(origin);
        expect(headers).not.toHaveProperty('access-control-allow-credentials');
      }
    });
  });

  describe('of what is sent', () => {
    const send = (body: string, type = 'application/json'): Test =>
      test.api.http.post('/api/bookings').set('content-type', type).send(body);
    const text = (more: object = {}): string => JSON.stringify({ ...wish(offer), ...more });

    it('takes bodies up to a size, a depth and a number of values', async () => {
      expect(await refusal(send(text({ email: 'x'.repeat(20_000) })))).toBe('413 PAYLOAD_TOO_LARGE');
      const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
      for (const body of [
        ...[deep(2000), '['.repeat(8000), `{"email":${'['.repeat(4000)}${']'.repeat(4000)}}`],
        JSON.stringify(Object.fromEntries(Array.from({ length: 1200 }, (_, n) => [`f${n}`, 1]))),
        JSON.stringify({ ...wish(offer), tags: Array<number>(2000).fill(1) }),
      ]) {
        expect(await refusal(send(body))).toBe('400 MALFORMED_BODY');
      }
      const { body } = await send(
        text(Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, 1]))),
      );
      expect(body.code).toBe('VALIDATION_FAILED');
      expect(body.errors.length).toBeLessThanOrEqual(20);
    });

    it('takes nothing into the prototypes of objects, and no field that nobody asked for', async () => {
      for (const name of ['__proto__', 'constructor']) {
        const poisoned = text().replace(
          /}$/,
          `,"${name}":{"prototype":{"role":"operator"},"role":"operator"}}`,
        );
        expect(await refusal(send(poisoned))).toMatch(/^400 /);
      }
      expect(Object.hasOwn(Object.prototype, 'role')).toBe(false);
      for (const name of ['state', 'seq', 'price', 'role', 'bookingId', 'customerId', 'fence', 'paid']) {
        expect(await refusal(send(text({ [name]: 1 })))).toBe('400 VALIDATION_FAILED');
      }
    });

    it('takes JSON alone, said to be JSON', async () => {
      const types = ['text/plain', 'text/html', 'application/x-www-form-urlencoded', 'application/xml'];
      for (const type of [...types, 'multipart/form-data; boundary=x', 'application/json5']) {
        expect(await refusal(send(text(), type))).toBe('415 UNSUPPORTED_MEDIA_TYPE');
      }
      await send(text({ userId: unique('fan') }), 'application/json; charset=utf-8').expect(202);
    });

    it('takes one value of a parameter, and no method that it does not know', async () => {
      expect(await refusal(test.api.get('/api/offers?limit=1&limit=2'))).toBe('400 VALIDATION_FAILED');
      expect(await refusal(test.api.get('/api/offers?limit[a]=1'))).toBe('400 VALIDATION_FAILED');
      const ask = (method: string): Promise<string> =>
        raw(`${method} /api/offers HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      for (const method of ['PUT', 'DELETE', 'TRACE', 'PROPFIND', 'SEARCH']) {
        expect({ method, status: (await ask(method)).slice(9, 12) }).toMatchObject({
          status: expect.stringMatching(/^40[045]$/),
        });
      }
      expect(await raw('CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n')).toBe('');
    });

    it('takes heads up to 16 kB, and addresses within them', async () => {
      const head = (line: string): Promise<string> =>
        raw(`GET /api/offers${line}\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(codeIn(await head(` HTTP/1.1\r\nX-Long: ${'x'.repeat(20_000)}`))).toBe('PAYLOAD_TOO_LARGE');
      expect(codeIn(await head(`?a=${'x'.repeat(20_000)} HTTP/1.1`))).toBe('PAYLOAD_TOO_LARGE');
      expect(codeIn(await head(`/${'x'.repeat(300)} HTTP/1.1`))).toBe('NOT_FOUND');
    });

    it('takes no request that could be read in two ways', async () => {
      const body = '0\r\n\r\n';
      for (const heads of [
        ['Content-Length: 5', 'Transfer-Encoding: chunked'],
        ['Content-Length: 5', 'Content-Length: 6'],
        ['Transfer-Encoding: chunked, identity'],
        ['Content-Length: +5'],
        ['Content-Length : 5'],
      ]) {
        const answer = await raw(
          `POST /api/bookings HTTP/1.1\r\nHost: x\r\n${heads.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`,
        );
        expect({ heads, status: answer.slice(9, 12) }).toEqual({ heads, status: '400' });
      }
    });
  });

  describe('with who dawdles', () => {
    it('waits half a minute for a head and a minute for a request, and looks every few seconds', () => {
      const server: Server = test.app.getHttpServer();
      expect(server.headersTimeout).toBe(30_000);
      expect(server.requestTimeout).toBe(60_000);
      expect(server.timeout).toBe(300_000);
    });

    it('says so and lets go, of a head and of a body that trickle in', async () => {
      // A minute is too long for a test: the server's own clock is set, everything else is as it runs.
      const server: Server = test.app.getHttpServer();
      const before = [server.headersTimeout, server.requestTimeout] as const;
      [server.headersTimeout, server.requestTimeout] = [300, 600];
      try {
        const slow = await RawClient.at(test.api.url);
        slow.send('POST /api/bookings HTTP/1.1\r\nHost: x\r\nX-Slow: ');
        const trickle = await RawClient.at(test.api.url);
        trickle.send(
          'POST /api/bookings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
        );
        const drip = setInterval(() => [slow, trickle].forEach((client) => client.send('x')), 100);
        await Promise.all([slow.closed, trickle.closed]);
        clearInterval(drip);
        for (const { text } of [slow, trickle]) {
          expect(text).toMatch(/^HTTP\/1.1 408 /);
          expect(codeIn(text)).toBe('REQUEST_TIMEOUT');
        }
      } finally {
        [server.headersTimeout, server.requestTimeout] = before;
      }
      await test.api.get('/api/offers').expect(200);
    });
  });

  it('has no secret and no person in what it says of itself', async () => {
    const { body } = await test.api.get('/health/ready');
    expect(JSON.stringify(body)).not.toMatch(/postgres:|password|127\.0\.0\.1/);
    const unknown = await test.api.get('/api/bookings/%00?email=ann@example.org');
    expect(JSON.stringify(unknown.body)).not.toContain('ann@example.org');
  });
});
