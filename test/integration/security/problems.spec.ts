import { connect } from 'node:net';
import { Body, Controller, Get, Global, Header, Module, Param, Post, Req, Res } from '@nestjs/common';
import { FastifyAdapter, RouteSchema, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Type } from 'class-transformer';
import { IsInt, Min, ValidateNested } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SignJWT } from 'jose';
import request from 'supertest';
import { AppError } from '../../../src/common/errors.js';
import { prepareServer, serverOptions } from '../../../src/common/http-server.js';
import { ProblemFilter } from '../../../src/common/problem.filter.js';
import { CLEAN_TEXT_PATTERN, CleanText, validationPipe } from '../../../src/common/validation.js';
import { Config } from '../../../src/config/config.js';
import { loadConfig } from '../../../src/config/load.js';
import { Metrics, NoMetrics } from '../../../src/metrics/metrics.js';
import { NoRemotes, Remotes } from '../../../src/remote/remotes.js';
import { Access, CurrentIdentity } from '../../../src/security/access.js';
import { BookingTokens } from '../../../src/security/booking-token.js';
import { clientAddress, trustProxy } from '../../../src/security/client-address.js';
import type { Identity } from '../../../src/security/identity.js';
import { SecretStore } from '../../../src/security/secret-store.js';
import { RateLimitModule } from '../../../src/security/rate-limit/rate-limit.module.js';
import { SharedLevels } from '../../../src/security/rate-limit/shared-levels.js';
import { SecurityModule } from '../../../src/security/security.module.js';

const JWT_SECRET = 'a secret of at least thirty-two characters';
const BOOKING = '018f2a3b-0000-7000-8000-000000000000';
const outage = new Error('connect ECONNREFUSED 10.0.0.7:5432');

class Price {
  @IsInt() @Min(0) amount!: number;
}
class Wish {
  @CleanText(5) name!: string;
  @IsInt() @Min(1) quantity!: number;
  @ValidateNested() @Type(() => Price) price!: Price;
}

const ERRORS_TO_THROW: Readonly<Record<string, () => Error>> = {
  sold: () => new AppError('SOLD_OUT', 'Nothing is left', { offerId: 'o1', status: 200, code: 'LIE' }),
  full: () => new AppError('LINE_FULL', undefined, { retryAfterSeconds: 0.2 }),
  bug: () => new TypeError('secret of the house'),
  outage: () => outage,
};

const schema = {
  body: {
    type: 'object',
    required: ['name', 'quantity'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 5, pattern: CLEAN_TEXT_PATTERN },
      quantity: { type: 'integer', minimum: 1 },
    },
  },
};

@Controller('things')
@Access('anyone')
class Things {
  @Get('fail/:how')
  fail(@Param('how') how: string): void {
    throw (ERRORS_TO_THROW[how] ?? ERRORS_TO_THROW['bug'])?.();
  }
  @Post()
  make(@Body() wish: Wish): Wish {
    return wish;
  }
  @Post('fast')
  @RouteSchema(schema)
  fast(@Body() body: unknown): unknown {
    return body;
  }
  @Get('me')
  me(@CurrentIdentity() identity: Identity, @Req() req: FastifyRequest): unknown {
    return { identity, address: clientAddress(req) };
  }
  @Get('mine')
  @Access('customer')
  mine(@CurrentIdentity() identity: Identity): Identity {
    return identity;
  }
  @Get('ops')
  @Access('operator')
  ops(): string {
    return 'ok';
  }
  @Get('torn')
  @Header('content-type', 'text/plain')
  torn(@Res() reply: FastifyReply): void {
    reply.raw.write('half an answer');
    throw new Error('too late');
  }
  @Get(':id')
  one(@Param('id') id: string): string {
    return id;
  }
}

class NoStore extends SecretStore {
  override secret = async (): Promise<Uint8Array> =>
    await Promise.reject(new Error('the secret is configured'));
}

class NothingShared extends SharedLevels {
  override add = (): Promise<number[]> => Promise.reject(new Error('nobody is limited so far'));
  override close = (): Promise<void> => Promise.resolve();
}

async function start(env: Record<string, string> = {}): Promise<NestFastifyApplication> {
  const config = loadConfig({ JWT_SECRET, ...env });
  @Global()
  @Module({
    providers: [
      { provide: Config, useValue: config },
      { provide: SecretStore, useClass: NoStore },
      { provide: SharedLevels, useClass: NothingShared },
      { provide: Metrics, useClass: NoMetrics },
      { provide: Remotes, useClass: NoRemotes },
    ],
    exports: [Config, SecretStore, SharedLevels, Metrics, Remotes],
  })
  class Ground {}
  const adapter = new FastifyAdapter(serverOptions(config.http, trustProxy(config.http.trustedProxies)));
  const routes = prepareServer(adapter.getInstance());
  const module = await Test.createTestingModule({
    imports: [Ground, SecurityModule, RateLimitModule],
    controllers: [Things],
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(adapter, {
    bodyParser: false,
    logger: false,
  });
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter({ routes, isOutage: (error) => error === outage }));
  await app.listen(0, '127.0.0.1');
  return app;
}

const jwt = async (claims: Record<string, unknown>): Promise<string> =>
  `Bearer ${await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(JWT_SECRET))}`;

describe('an answer that is an error', () => {
  let app: NestFastifyApplication;
  let http: ReturnType<typeof request>;
  beforeAll(async () => {
    app = await start();
    http = request(await app.getUrl());
  });
  afterAll(async () => {
    await app.close();
  });

  it('is a problem document with the code of the catalogue and the details of the occurrence', async () => {
    const { headers, body } = await http
      .get('/things/fail/sold?secret=1')
      .set('X-Request-Id', 'req-1')
      .expect(409);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(headers['x-request-id']).toBe('req-1');
    expect(body).toEqual({
      type: 'urn:fairline:error:SOLD_OUT',
      title: 'Sold out',
      status: 409,
      code: 'SOLD_OUT',
      detail: 'Nothing is left',
      instance: '/things/fail/sold',
      correlationId: 'req-1',
      offerId: 'o1',
    });
  });

  it('says when to try again, never less than a second from now', async () => {
    const { headers, body } = await http.get('/things/fail/full').expect(503);
    expect(headers['retry-after']).toBe('1');
    expect(body).toMatchObject({ code: 'LINE_FULL', retryAfterSeconds: 0.2 });
  });

  it('tells nothing of what nobody foresaw', async () => {
    const { text, body } = await http.get('/things/fail/bug').expect(500);
    expect(body).toMatchObject({ code: 'INTERNAL', correlationId: expect.any(String) });
    expect(text).not.toContain('secret of the house');
  });

  it('is UNAVAILABLE while a part that it needs is away, and names no address', async () => {
    const { text, headers, body } = await http.get('/things/fail/outage').expect(503);
    expect(body).toMatchObject({ code: 'UNAVAILABLE' });
    expect(headers['retry-after']).toBe('1');
    expect(text).not.toContain('10.0.0.7');
  });

  it('cuts the connection when half of the answer is out already', async () => {
    await expect(http.get('/things/torn')).rejects.toThrow();
    await http.get('/things/x').expect(200);
  });

  it.each([
    ['a path that is not there', 'GET', '/nowhere', 404, 'NOT_FOUND'],
    ['a path below one that is there', 'GET', '/things/a/b', 404, 'NOT_FOUND'],
    ['a method that the path does not take', 'DELETE', '/things/abc', 405, 'METHOD_NOT_ALLOWED'],
    ['a broken escape', 'GET', '/things/%ff', 400, 'VALIDATION_FAILED'],
    ['half an escape', 'GET', '/%', 400, 'VALIDATION_FAILED'],
    ['a part of the path beyond any length', 'GET', `/things/${'x'.repeat(300)}`, 404, 'NOT_FOUND'],
  ] as const)('names %s', async (_, method, path, status, code) => {
    const { statusCode, headers, payload } = await app.inject({ method, url: path });
    expect({ statusCode, ...JSON.parse(payload) }).toMatchObject({ statusCode: status, status, code });
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(headers['x-request-id']).toBeDefined();
  });

  it('names the methods that the path does take', async () => {
    const { headers, body } = await http.put('/things').expect(405);
    expect(headers['allow']).toBe('POST');
    expect(body).toMatchObject({ allow: ['POST'] });
  });

  it.each([
    ['a body that no route takes', 'PUT', { 'content-type': 'text/plain' }, 'x'],
    ['no JSON', 'PATCH', { 'content-type': 'application/json' }, '{'],
    ['no type of a body that a method has to have', 'QUERY', {}, ''],
  ] as const)('names a wrong method before %s', async (_, method, headers, payload) => {
    const answer = await fetch(`${await app.getUrl()}/things`, {
      method,
      headers,
      ...(payload !== '' && { body: payload }),
    });
    expect(answer.status).toBe(405);
    expect(await answer.json()).toMatchObject({ code: 'METHOD_NOT_ALLOWED', allow: ['POST'] });
  });

  it.each([
    ['no JSON', 'application/json', '{', 400, 'MALFORMED_BODY'],
    ['nothing', 'application/json', '', 400, 'MALFORMED_BODY'],
    ['a prototype', 'application/json', '{"__proto__": {"operator": true}}', 400, 'MALFORMED_BODY'],
    ['a form', 'application/x-www-form-urlencoded', 'a=1', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['plain text', 'text/plain', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['too much', 'application/json', JSON.stringify('x'.repeat(20_000)), 413, 'PAYLOAD_TOO_LARGE'],
    ['a list', 'application/json', '[]', 400, 'VALIDATION_FAILED'],
    ['null', 'application/json', 'null', 400, 'VALIDATION_FAILED'],
  ])('refuses %s as a body', async (_, type, text, status, code) => {
    for (const path of ['/things', '/things/fast']) {
      const { body } = await http.post(path).set('Content-Type', type).send(text).expect(status);
      expect(body).toMatchObject({ status, code });
    }
  });

  it('names every field that is wrong, by the pipe and by the schema of a route', async () => {
    const wrong = { name: 'a\u0000', quantity: '2', extra: 1 };
    const slow = await http
      .post('/things')
      .send({ ...wrong, price: { amount: -1 } })
      .expect(400);
    expect(slow.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'extra',
      'name',
      'price.amount',
      'quantity',
      'quantity',
    ]);
    const fast = await http
      .post('/things/fast')
      .send({ ...wrong, name: '\ud800' })
      .expect(400);
    expect(fast.body.errors).toEqual([
      { field: 'extra', message: 'extra is not a known field' },
      { field: 'name', message: 'name has a form or characters that are not allowed' },
      { field: 'quantity', message: 'quantity must be integer' },
    ]);
    const none = await http.post('/things/fast').send({}).expect(400);
    expect(none.body.errors).toContainEqual({ field: 'name', message: 'name is required' });
  });

  it.each(['a', 'ééééé', '😀😀😀😀😀', '名前'])('takes the text %s', async (name) => {
    await http
      .post('/things')
      .send({ name, quantity: 1, price: { amount: 0 } })
      .expect(201);
    await http.post('/things/fast').send({ name, quantity: 1 }).expect(201);
  });

  it.each(['', 'aaaaaa', '\ud800', '\udc00a', 'a\u0000'])('refuses the text %j', async (name) => {
    await http
      .post('/things')
      .send({ name, quantity: 1, price: { amount: 0 } })
      .expect(400);
    await http.post('/things/fast').send({ name, quantity: 1 }).expect(400);
  });

  it('answers bytes that are no HTTP with a problem too', async () => {
    const port = Number(new URL(await app.getUrl()).port);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
      socket.write('GET / HTTP/1.1\r\nbad header\r\n\r\n');
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('"code":"MALFORMED_BODY"');
  });
});

describe('the id of a request', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await start();
  });
  afterAll(async () => {
    await app.close();
  });

  it('is the one that the caller sent, when that is sane', async () => {
    const sent = await app.inject({ url: '/things/x', headers: { 'x-request-id': 'abc-1:2.3_4' } });
    expect(sent.headers['x-request-id']).toBe('abc-1:2.3_4');
  });

  it.each(['', 'a b', 'x'.repeat(65), '"><script>', '${jndi}'])('is a new one instead of %j', async (id) => {
    const answer = await app.inject({ url: '/things/x', headers: { 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a route with @Access', () => {
  const apps: NestFastifyApplication[] = [];
  const urlOf = async (env: Record<string, string>): Promise<string> => {
    const app = await start(env);
    apps.push(app);
    return await app.getUrl();
  };
  afterAll(async () => {
    await Promise.all(
      apps.map(async (app) => {
        await app.close();
      }),
    );
  });

  it('lets pass whom it names, and says 401 or 403 to others', async () => {
    const url = await urlOf({ AUTH_REQUIRED: 'true' });
    const booking = `Bearer ${new BookingTokens(new TextEncoder().encode(JWT_SECRET)).issue(BOOKING)}`;
    const customer = await jwt({ sub: 'ann' });
    const operator = await jwt({ sub: 'op', role: 'operator' });
    const statuses = async (path: string): Promise<number[]> => {
      const answers = ['', booking, customer, operator, 'Bearer nonsense'].map(async (header) => {
        const call = request(url).get(path);
        return (await (header === '' ? call : call.set('Authorization', header))).status;
      });
      return await Promise.all(answers);
    };
    expect(await statuses('/things/me')).toEqual([200, 200, 200, 200, 401]);
    expect(await statuses('/things/mine')).toEqual([401, 200, 200, 200, 401]);
    expect(await statuses('/things/ops')).toEqual([401, 403, 403, 200, 401]);
    const { headers, body } = await request(url).get('/things/mine').set('Authorization', customer);
    expect(body).toEqual({ kind: 'customer', userId: 'ann' });
    expect(headers['www-authenticate']).toBeUndefined();
    expect((await request(url).get('/things/mine')).headers['www-authenticate']).toBe('Bearer');
  });

  it('needs no token of a customer where AUTH_REQUIRED is off', async () => {
    await request(await urlOf({}))
      .get('/things/mine')
      .expect(200, { kind: 'anonymous' });
  });

  it('believes X-Forwarded-For from a trusted proxy alone', async () => {
    const addressAt = async (env: Record<string, string>): Promise<unknown> => {
      const { body } = await request(await urlOf(env))
        .get('/things/me')
        .set('X-Forwarded-For', '6.6.6.6, 203.0.113.9');
      return body.address;
    };
    expect(await addressAt({})).toBe('127.0.0.1');
    expect(await addressAt({ TRUSTED_PROXIES: '10.0.0.0/8' })).toBe('127.0.0.1');
    // The nearest address that is no proxy of ours: what stands before it anybody may have written.
    expect(await addressAt({ TRUSTED_PROXIES: '127.0.0.0/8' })).toBe('203.0.113.9');
  });
});
