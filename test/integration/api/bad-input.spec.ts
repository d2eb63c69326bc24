import { connect } from 'node:net';
import { Ajv, type ValidateFunction } from 'ajv';
import { Agent, request } from 'undici';
import { ERRORS } from '../../../src/common/errors.js';
import { isCleanText } from '../../../src/common/text.js';
import { openApiOf } from '../../../src/api-document.js';
import { newOffer, startApp, unique, wish, type TestApp } from '../../support/app.js';
import * as bad from '../../support/bad-values.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;
type Headers = Readonly<Record<string, string>>;

interface Attempt {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body?: string;
  /** Where the API's own description says that this is not valid. */
  readonly mustFail: boolean;
}

/** A request that would be served, for each operation: what is bad is put into it. */
interface Good {
  readonly path: string;
  readonly token?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

interface Operation {
  readonly name: string;
  readonly method: string;
  readonly template: string;
  readonly description: Json;
}

const AT_ONCE = 16;

describe('whatever is sent', () => {
  let test: TestApp;
  let agent: Agent;
  let document: Json;
  let ajv: Ajv;
  let good: Readonly<Record<string, Good>>;

  beforeAll(async () => {
    // No mail can be sent: what is paid for becomes a dead letter.
    test = await startApp({
      SMTP_URL: 'smtp://127.0.0.1:1',
      JOB_ATTEMPTS: '1',
      BOOKING_TIMEOUT_SECONDS: '3600',
    });
    agent = new Agent({ connections: AT_ONCE });
    document = openApiOf(test.app);
    ajv = new Ajv({ strict: false });
    ajv.addFormat('iana-time-zone', true);
    ajv.addFormat('date-time', /^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
    ajv.addFormat(
      'date',
      (text) => !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text),
    );
    good = await goodRequests();
  });
  afterAll(async () => {
    await agent.close();
    await test.close();
  });

  async function goodRequests(): Promise<Record<string, Good>> {
    const { api, ground } = test;
    const token = api.operator;
    const offer = await api.offer({ capacity: 100_000, limitPerCustomer: 10_000 });
    const held = await api.book(offer);
    await api.until(held, 'held');
    const confirmed = await api.book(offer, { paymentMethod: 'pm_ok' });
    const { ticketCodes } = await api.until(confirmed, 'confirmed');
    const buried = await api.book(offer, { paymentMethod: 'pm_ok', email: 'fan@example.org' });
    for (let letters = 0; letters === 0;) {
      [{ letters }] = await ground.sql('select count(*)::int as letters from dead_letter');
    }
    const [letter] = await ground.sql('select id from dead_letter where booking_id = $1', [buried.bookingId]);
    const booking = `/api/bookings/${held.bookingId}`;
    const bare = (path: string): Good => ({ path, token });
    return {
      'POST /api/bookings': {
        path: '/api/bookings',
        body: wish(offer),
      },
      'GET /api/bookings': bare('/api/bookings'),
      'GET /api/bookings/{id}': { path: booking, token: held.token },
      'DELETE /api/bookings/{id}': { path: `/api/bookings/${confirmed.bookingId}`, token: confirmed.token },
      'POST /api/bookings/{id}/payment': {
        path: `${booking}/payment`,
        token: held.token,
        body: { paymentMethod: 'pm_ok' },
      },
      'GET /api/bookings/{id}/ticket.pdf': bare(`/api/bookings/${confirmed.bookingId}/ticket.pdf`),
      'GET /api/offers': { path: '/api/offers' },
      'GET /api/offers/{id}': { path: `/api/offers/${offer.id}` },
      'GET /api/offers/{id}/nights': { path: `/api/offers/${offer.id}/nights` },
      'POST /api/offers': {
        path: '/api/offers',
        token,
        body: newOffer({
          opensAt: '2030-01-01T00:00:00Z',
          closesAt: '2031-01-01T00:00:00Z',
          holdSeconds: 60,
          limitPerCustomer: 4,
          maxQuantity: 4,
          cancellation: { refundable: true, untilHoursBeforeStart: 48 },
        }),
      },
      'PATCH /api/offers/{id}': {
        path: `/api/offers/${(await api.offer()).id}`,
        token,
        body: {
          title: 'Summer Night',
          venue: 'Hall',
          price: { amountMinor: 100, currency: 'EUR' },
          capacity: 10,
          opensAt: null,
          closesAt: null,
          holdSeconds: 60,
          limitPerCustomer: 4,
          maxQuantity: 4,
          cancellation: { refundable: true, untilHoursBeforeStart: 48 },
          paused: false,
        },
      },
      'GET /api/tickets/{code}': { path: `/api/tickets/${ticketCodes[0]}` },
      'POST /api/tickets/{code}/redeem': bare(`/api/tickets/${ticketCodes[0]}/redeem`),
      'POST /api/admin/bookings/{id}/refund': {
        path: `/api/admin/bookings/${held.bookingId}/refund`,
        token,
        body: { reason: 'EVENT_CANCELLED', force: false },
      },
      'GET /api/admin/dead-letters': bare('/api/admin/dead-letters'),
      'POST /api/admin/dead-letters/{id}/replay': bare(`/api/admin/dead-letters/${letter.id}/replay`),
      'POST /api/admin/dead-letters/{id}/discard': bare(`/api/admin/dead-letters/${letter.id}/discard`),
      'GET /api/admin/queue': bare('/api/admin/queue'),
      'GET /api/admin/invariants': bare('/api/admin/invariants'),
      'GET /api/admin/audit': bare('/api/admin/audit'),
      'GET /api/admin/audit/head': bare('/api/admin/audit/head'),
      'POST /api/admin/erasures': { path: '/api/admin/erasures', token, body: { userId: unique('nobody') } },
      'GET /api/admin/bookings.ndjson': bare('/api/admin/bookings.ndjson'),
      'GET /health/live': { path: '/health/live' },
      'GET /health/ready': { path: '/health/ready' },
    };
  }

  const operations = (): Operation[] =>
    Object.entries<Json>(document.paths).flatMap(([template, methods]) =>
      Object.entries<Json>(methods).map(([method, description]) => ({
        name: `${method.toUpperCase()} ${template}`,
        method: method.toUpperCase(),
        template,
        description,
      })),
    );

  const goodOf = ({ name }: Operation): Good => {
    const found = good[name];
    if (found === undefined) throw new Error(`no example of ${name}`);
    return found;
  };

  const attempt = (operation: Operation, more: Partial<Attempt> = {}): Attempt => {
    const { path, token, body } = goodOf(operation);
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined && more.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...more.headers,
    };
    return {
      method: operation.method,
      path,
      mustFail: false,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...more,
      headers,
    };
  };

  /** The schema of a body with its references resolved, closed to unknown fields. */
  function schemaOf(schema: Json): Json {
    if (schema?.$ref !== undefined)
      return schemaOf(document.components.schemas[schema.$ref.split('/').at(-1)]);
    if (schema?.oneOf !== undefined) return { oneOf: schema.oneOf.map(schemaOf) };
    if (schema?.allOf?.length === 1) return { ...schema, ...schemaOf(schema.allOf[0]), allOf: undefined };
    if (schema?.items !== undefined) return { ...schema, items: schemaOf(schema.items) };
    if (schema?.properties === undefined) return schema;
    const properties = Object.entries(schema.properties).map(([name, inner]) => [name, schemaOf(inner)]);
    return { ...schema, additionalProperties: false, properties: Object.fromEntries(properties) };
  }

  const bodySchema = ({ description }: Operation): Json =>
    description.requestBody === undefined
      ? undefined
      : schemaOf(description.requestBody.content['application/json'].schema);

  const isClean = (value: unknown): boolean =>
    typeof value === 'string'
      ? isCleanText(value)
      : typeof value !== 'object' || value === null || Object.entries(value).flat().every(isClean);

  function badBodies(operation: Operation): Attempt[] {
    const schema = bodySchema(operation);
    const { body } = goodOf(operation);
    if (schema === undefined || body === undefined) return [];
    const isValid: ValidateFunction = ajv.compile(schema);
    expect({ name: operation.name, errors: isValid(body) ? null : isValid.errors }).toMatchObject({
      errors: null,
    });
    const fresh = 'userId' in body ? () => ({ ...body, userId: unique('fan') }) : () => body;
    const with_ = (value: unknown, text = JSON.stringify(value)): Attempt =>
      attempt(operation, { body: text, mustFail: !isValid(value) || !isClean(value) });
    // Where bodies of several kinds are taken: the fields of the kind that the example is of.
    const kind = schema.oneOf?.find((one: Json) => ajv.validate(one, body)) ?? schema;
    const fields = fieldsOf(kind, []);
    // A field that this test does not reach would be a gap that nobody sees.
    expect(fields.map((path) => path.join('.'))).toEqual(expect.arrayContaining(Object.keys(body)));
    const values = fields.flatMap((path) => [
      with_(without(fresh(), path)),
      ...bad.BAD_VALUES.map((value) => with_(put(fresh(), path, value))),
      // The last of two wins, as JSON has it: nothing of the first may stay.
      with_(put(fresh(), path, 0), JSON.stringify(fresh()).replace(/}$/, `,"${path.join('"."')}":0}`)),
    ]);
    return [
      ...values,
      ...bad.UNKNOWN_FIELDS.map((name) => with_({ ...fresh(), [name]: 1 })),
      ...bad.BAD_BODIES.map((text) => attempt(operation, { body: text, mustFail: true })),
      ...bad.BAD_CONTENT_TYPES.map((type) =>
        attempt(operation, { headers: { 'content-type': type }, mustFail: true }),
      ),
    ];
  }

  function badPaths(operation: Operation): Attempt[] {
    const parts = operation.template.split('/');
    const at = parts.findIndex((part) => part.startsWith('{'));
    if (at < 0) return [];
    return bad.BAD_SEGMENTS.map((segment) => {
      const path = goodOf(operation).path.split('/');
      path[at] = segment;
      return attempt(operation, { path: path.join('/'), mustFail: true });
    });
  }

  function badParameters(operation: Operation): Attempt[] {
    const { path } = goodOf(operation);
    const named = (where: string): string[] =>
      (operation.description.parameters ?? [])
        .filter((parameter: Json) => parameter.in === where)
        .map((parameter: Json) => parameter.name);
    const queries = named('query');
    return [
      ...queries.flatMap((name) => [
        ...bad.BAD_QUERIES.map((value) => attempt(operation, { path: `${path}?${name}=${value}` })),
        attempt(operation, { path: `${path}?${name}=1&${name}=2`, mustFail: true }),
        attempt(operation, { path: `${path}?${name}[]=1`, mustFail: true }),
        attempt(operation, { path: `${path}?${name}[a]=1`, mustFail: true }),
      ]),
      ...(queries.length === 0 ? [] : [attempt(operation, { path: `${path}?nobody=1`, mustFail: true })]),
      attempt(operation, { path: `${path}?__proto__=1&constructor=1` }),
      ...named('header').flatMap((name) =>
        bad.BAD_KEYS.map((value) => attempt(operation, { headers: { [name.toLowerCase()]: value } })),
      ),
      ...(operation.template.startsWith('/health')
        ? []
        : bad.BAD_AUTHORIZATIONS.map((authorization) =>
            attempt(operation, { headers: { authorization }, mustFail: true }),
          )),
      ...[
        'x-request-id',
        'x-forwarded-for',
        'x-http-method-override',
        'accept',
        'accept-encoding',
        'cookie',
      ].map((name) => attempt(operation, { headers: { [name]: '\'"><script>${1}' } })),
    ];
  }

  const attemptsAt = (operation: Operation): Attempt[] => [
    ...badBodies(operation),
    ...badPaths(operation),
    ...badParameters(operation),
  ];

  /** Sends it. Returns the status; throws where the answer is not one that the API promises. */
  async function outcome({ method, path, headers, body, mustFail }: Attempt): Promise<number> {
    const sent = `${method} ${path.slice(0, 200)} ${JSON.stringify(headers).slice(0, 300)} ${body?.slice(0, 500) ?? ''}`;
    const answer = await request(`${test.api.url}${path}`, {
      method,
      dispatcher: agent,
      headers,
      body: body ?? null,
    });
    const text = await answer.body.text();
    const { statusCode: status } = answer;
    const complaint = complaintAbout(status, String(answer.headers['content-type']), text, mustFail);
    if (complaint !== null) throw new Error(`${complaint}\n  ${sent}\n  ${status} ${text.slice(0, 600)}`);
    return status;
  }

  function complaintAbout(status: number, type: string, text: string, mustFail: boolean): string | null {
    if (status >= 200 && status < 300) return mustFail ? 'served, though it is not valid' : null;
    if (status < 400 || status > 499) return `status ${status}`;
    if (type !== 'application/problem+json; charset=utf-8') return `type ${type}`;
    const problem = JSON.parse(text);
    const known = Object.entries(ERRORS).find(([code]) => code === problem.code);
    if (known === undefined) return 'a code that is not in the catalogue';
    return known[1].status === status && problem.status === status
      ? null
      : 'another status than the code has';
  }

  async function inTurns<T>(items: readonly Attempt[], work: (item: Attempt) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    let next = 0;
    const complaints: string[] = [];
    const walk = async (): Promise<void> => {
      for (let index = next++; index < items.length; index = next++) {
        try {
          results[index] = await work(items[index] as Attempt);
        } catch (error) {
          complaints.push(String(error));
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, walk));
    expect(complaints.slice(0, 10)).toEqual([]);
    return results;
  }

  it('has an example here for every operation of the API', () => {
    expect(Object.keys(good).sort()).toEqual(
      operations()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('is answered by a problem with a code of the catalogue, or served where it is valid; what is refused leaves no trace', async () => {
    const refused = new Map<string, Attempt[]>();
    for (const operation of operations()) {
      const attempts = attemptsAt(operation);
      const statuses = await inTurns(attempts, outcome);
      refused.set(
        operation.name,
        attempts.filter((_, index) => Number(statuses[index]) >= 400),
      );
    }
    await quiet();
    const before = await test.ground.fingerprint();
    for (const [name, attempts] of refused) {
      const again = await inTurns(attempts, outcome);
      expect(again.filter((status) => status < 400)).toEqual([]);
      expect({ [name]: await test.ground.fingerprint() }).toEqual({ [name]: before });
    }
    expect([...refused.values()].flat().length).toBeGreaterThan(1500);
    expect(await test.api.broken()).toEqual({});
  });

  /** Resolves once the worker has nothing more to do by itself. */
  async function quiet(): Promise<void> {
    for (let last = '', same = 0; same < 3;) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const now = JSON.stringify(await test.ground.fingerprint());
      same = now === last ? same + 1 : 0;
      last = now;
    }
  }

  it.each([
    [
      'a control character in a header',
      'GET /api/offers HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\u0001b\r\n\r\n',
    ],
    ['a NUL in a header', 'GET /api/offers HTTP/1.1\r\nHost: a\r\nAuthorization: a\u0000b\r\n\r\n'],
    ['a line break inside a header', 'GET /api/offers HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\rb\r\n\r\n'],
    [
      'two lengths',
      'POST /api/bookings HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}',
    ],
    [
      'a length and chunks',
      'POST /api/bookings HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a length that is none', 'POST /api/bookings HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'],
    ['a method that nobody knows', 'BREW /api/offers HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a space in the path', 'GET /api/offers/a b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a header beyond any length', `GET /api/offers HTTP/1.1\r\nHost: a\r\nA: ${'x'.repeat(40_000)}\r\n\r\n`],
    ['another protocol', '\u0016\u0003\u0001\u0002\u0000\u0001'],
  ])('is refused as a problem, and the house stands, for %s', async (_, bytes) => {
    const port = Number(new URL(test.api.url).port);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
      socket.on('data', (chunk) => {
        text += chunk.toString();
        if (text.includes('"code"')) socket.end();
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
      socket.write(Buffer.from(bytes, 'latin1'));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).toContain('content-type: application/problem+json');
    await test.api.get('/api/offers').expect(200);
  });

  it('is refused for a body cut short, and the house stands', async () => {
    const before = await test.ground.fingerprint();
    const port = Number(new URL(test.api.url).port);
    const text = JSON.stringify(wish(await test.api.offer()));
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.resume();
      socket.on('close', () => resolve());
      socket.on('error', reject);
      socket.write(
        `POST /api/bookings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${text.length + 50}\r\n\r\n${text}`,
        () => setTimeout(() => socket.end(), 50),
      );
    });
    await quiet();
    expect((await test.ground.fingerprint())['public.booking']).toEqual(before['public.booking']);
  });
});

/** Paths of all fields of a schema, nested ones after their parents. */
function fieldsOf(schema: Json, parent: readonly string[]): string[][] {
  return Object.entries<Json>(schema?.properties ?? {}).flatMap(([name, inner]) => {
    const path = [...parent, name];
    return [path, ...fieldsOf(inner, path)];
  });
}

function put(body: object, [name = '', ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  const inner: unknown = Reflect.get(body, name);
  const within = typeof inner === 'object' && inner !== null ? inner : {};
  return { ...body, [name]: rest.length === 0 ? value : put(within, rest, value) };
}

function without(body: object, path: readonly string[]): unknown {
  return JSON.parse(JSON.stringify(put(body, path, undefined)));
}
