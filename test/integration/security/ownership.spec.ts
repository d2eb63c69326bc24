import { randomUUID } from 'node:crypto';
import type { Test } from 'supertest';
import { openApiOf } from '../../../src/api-document.js';
import { jwt, newOffer, startApp, unique, wish, type TestApp } from '../../support/app.js';
import { Watcher } from '../../support/board.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

/**
 * To whom a route opens.
 * `everybody`: to all, but a token that is not good. `owner`: to who may open the booking; for others it does not exist.
 * `operators`: to them. `customers`: to who says by a JWT who they are. `joining`: to the customer who is named.
 * `health`: to all; no token is looked at.
 */
type Rule = 'everybody' | 'owner' | 'operators' | 'customers' | 'joining' | 'health';

interface Row {
  readonly rule: Rule;
  readonly body?: () => Readonly<Record<string, unknown>>;
}
const row = (rule: Rule, body?: Row['body']): Row => (body === undefined ? { rule } : { rule, body });

/** Every operation of the API. A new one needs a row here, and says with it whose it is. */
const TABLE: Readonly<Record<string, Row>> = {
  'GET /health/live': row('health'),
  'GET /health/ready': row('health'),
  'POST /api/bookings': row('joining'),
  'GET /api/bookings': row('customers'),
  'GET /api/bookings/{id}': row('owner'),
  'GET /api/bookings/{id}/ticket.pdf': row('owner'),
  'POST /api/bookings/{id}/payment': row('owner', () => ({ paymentMethod: 'pm_ok' })),
  'DELETE /api/bookings/{id}': row('owner'),
  'GET /api/offers': row('everybody'),
  'GET /api/offers/{id}': row('everybody'),
  'GET /api/offers/{id}/nights': row('everybody'),
  'POST /api/offers': row('operators', () => newOffer()),
  'PATCH /api/offers/{id}': row('operators', () => ({ paused: false })),
  'GET /api/tickets/{code}': row('everybody'),
  'POST /api/tickets/{code}/redeem': row('operators'),
  'POST /api/admin/bookings/{id}/refund': row('operators', () => ({ reason: 'NONE' })),
  'GET /api/admin/dead-letters': row('operators'),
  'POST /api/admin/dead-letters/{id}/replay': row('operators'),
  'POST /api/admin/dead-letters/{id}/discard': row('operators'),
  'GET /api/admin/queue': row('operators'),
  'GET /api/admin/invariants': row('operators'),
  'GET /api/admin/audit': row('operators'),
  'GET /api/admin/audit/head': row('operators'),
  'POST /api/admin/erasures': row('operators', () => ({ userId: unique('nobody') })),
  'GET /api/admin/bookings.ndjson': row('operators'),
};

const CALLERS = [
  ...['anonymous', 'owner', 'otherCustomer', 'bookingToken', 'foreignBookingToken', 'service', 'operator'],
  ...['expired', 'nonsense'],
] as const;
type Caller = (typeof CALLERS)[number];

const UNAUTHENTICATED = '401 UNAUTHENTICATED';
const ABSENT = '404 BOOKING_NOT_FOUND';

/** What a caller is told by a rule; `open` is any answer about the matter itself. */
function expected(rule: Rule, caller: Caller, authRequired: boolean): string {
  if (rule === 'health') return 'open';
  if (caller === 'expired' || caller === 'nonsense') return UNAUTHENTICATED;
  if (rule === 'everybody' || caller === 'operator') return 'open';
  switch (rule) {
    case 'owner':
      return caller === 'owner' || caller === 'bookingToken' ? 'open' : ABSENT;
    case 'operators':
      return caller === 'anonymous' ? UNAUTHENTICATED : '403 FORBIDDEN';
    case 'customers':
      if (caller === 'service') return '403 FORBIDDEN';
      return caller === 'owner' || caller === 'otherCustomer' ? 'open' : UNAUTHENTICATED;
    case 'joining':
      if (caller === 'anonymous') return authRequired ? UNAUTHENTICATED : 'open';
      if (caller === 'otherCustomer') return '403 USER_MISMATCH';
      return caller === 'owner' ? 'open' : '403 FORBIDDEN';
  }
}

describe.each([true, false])('every route, with AUTH_REQUIRED=%s,', (authRequired) => {
  let test: TestApp;
  let offer: Json;
  let mine: Json;
  let theirs: Json;
  const [owner, other] = [unique('owner'), unique('other')];
  let tokens: Readonly<Record<Caller, string | undefined>>;

  beforeAll(async () => {
    test = await startApp({ AUTH_REQUIRED: String(authRequired) });
    offer = await test.api.offer({ capacity: 1, limitPerCustomer: 1000 });
    const [ownerToken, otherToken] = await Promise.all([jwt({ sub: owner }), jwt({ sub: other })]);
    const book = async (userId: string, token: string): Promise<Json> =>
      (await test.api.post('/api/bookings', wish(offer, { userId }), token).expect(202)).body;
    theirs = await book(other, otherToken);
    mine = await book(owner, ownerToken);
    tokens = {
      ...{ anonymous: undefined, owner: ownerToken, otherCustomer: otherToken, operator: test.api.operator },
      ...{ bookingToken: mine.token, foreignBookingToken: theirs.token, nonsense: 'nonsense' },
      service: await jwt({ sub: 'gateway', role: 'service' }),
      expired: await jwt({ sub: owner, role: 'operator', exp: Math.floor(Date.now() / 1000) - 60 }),
    };
  });
  afterAll(() => test.close());

  function ask(operation: string, caller: Caller, bookingId: string = mine.bookingId): Test {
    const { rule, body } = TABLE[operation] ?? row('health');
    const [method = '', template = ''] = operation.split(' ');
    const id = rule === 'owner' ? bookingId : template.includes('/offers/') ? offer.id : randomUUID();
    const path = template.replace('{id}', id).replace('{code}', 'NONE');
    const token = tokens[caller];
    const sent = rule === 'joining' ? wish(offer, { userId: owner }) : body?.();
    if (method === 'GET') return test.api.get(path, token);
    if (method === 'DELETE') return test.api.delete(path, token);
    return method === 'PATCH' ? test.api.patch(path, sent ?? {}, token) : test.api.post(path, sent, token);
  }
  const told = async (asked: Test): Promise<string> => {
    const { status, body } = await asked;
    if (status < 400) return 'open';
    const refused = status === 401 || status === 403 || body.code === 'BOOKING_NOT_FOUND';
    return refused ? `${status} ${body.code}` : 'open';
  };

  it('has a row in the table', () => {
    const operations = Object.entries<Json>(openApiOf(test.app).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(Object.keys(TABLE).sort()).toEqual(operations.sort());
  });

  // The last callers are those who may: whatever they do, everybody else has been refused by then.
  it.each(
    CALLERS.filter((caller) => caller !== 'owner' && caller !== 'bookingToken' && caller !== 'operator'),
  )('tells %s what the table says, and nothing happens to the booking', async (caller) => {
    const seen: Record<string, string> = {};
    for (const operation of Object.keys(TABLE)) seen[operation] = await told(ask(operation, caller));
    expect(seen).toEqual(rulesFor(caller));
    const { body } = await test.api.get(`/api/bookings/${mine.bookingId}`, mine.token).expect(200);
    expect(body).toMatchObject({ state: 'waiting', progress: 0 });
  });

  it.each(['owner', 'bookingToken', 'operator'] as const)('tells %s what the table says', async (caller) => {
    const seen: Record<string, string> = {};
    // A refund of a booking that is not there is told so, as is a ticket.
    for (const operation of Object.keys(TABLE)) {
      const isAbsent = operation.includes('/admin/bookings/');
      const answer = await told(ask(operation, caller));
      seen[operation] = isAbsent && caller === 'operator' && answer === ABSENT ? 'open' : answer;
    }
    expect(seen).toEqual(rulesFor(caller));
  });

  const rulesFor = (caller: Caller): Record<string, string> =>
    Object.fromEntries(
      Object.entries(TABLE).map(([operation, { rule }]) => [operation, expected(rule, caller, authRequired)]),
    );

  it('answers about a foreign booking as about one that does not exist: status, headers and body', async () => {
    const routes = Object.keys(TABLE).filter((operation) => TABLE[operation]?.rule === 'owner');
    for (const operation of routes) {
      for (const caller of ['anonymous', 'otherCustomer', 'foreignBookingToken', 'service'] as const) {
        const [foreign, absent, malformed] = await Promise.all(
          [mine.bookingId, randomUUID(), 'nonsense'].map(async (id) =>
            shown(await ask(operation, caller, id)),
          ),
        );
        expect({ operation, caller, answer: absent }).toEqual({ operation, caller, answer: foreign });
        expect({ operation, caller, answer: malformed }).toEqual({ operation, caller, answer: foreign });
      }
    }
  });

  /** What may differ left out: the request itself, and what is left of a limit. */
  function shown({ status, body, headers }: Awaited<Test>): unknown {
    const { instance: _, correlationId: __, ...rest } = body;
    const told = Object.entries(headers).filter(
      ([name]) => !['date', 'x-request-id', 'content-length', 'ratelimit', 'retry-after'].includes(name),
    );
    return { status, rest, headers: Object.fromEntries(told) };
  }

  it('takes about as long for a foreign booking as for one that does not exist', async () => {
    const times: Record<string, number[]> = { foreign: [], absent: [] };
    for (let round = 0; round < 60; round++) {
      for (const [name, id] of [['foreign', mine.bookingId] as const, ['absent', randomUUID()] as const]) {
        const begun = performance.now();
        await test.api.get(`/api/bookings/${id}`, tokens.otherCustomer);
        times[name]?.push(performance.now() - begun);
      }
    }
    const median = (of: number[] = []): number => of.sort((a, b) => a - b)[of.length >> 1] ?? 0;
    const ratio = median(times['foreign']) / median(times['absent']);
    expect(ratio).toBeGreaterThan(1 / 3);
    expect(ratio).toBeLessThan(3);
  });

  it('lists nobody else’s bookings, whatever cursor or user is asked for', async () => {
    const list = async (query: string, caller: Caller): Promise<Json> =>
      test.api.get(`/api/bookings${query}`, tokens[caller]);
    const after = 'ffffffff-ffff-7fff-bfff-ffffffffffff';
    for (const cursor of ['', `?before=${theirs.bookingId}`, `?before=${after}`, '?limit=100']) {
      const { body } = await list(cursor, 'otherCustomer');
      const { body: own } = await list('', 'owner');
      const ids = new Set(own.bookings.map((one: Json) => one.bookingId));
      expect(body.bookings.filter((one: Json) => ids.has(one.bookingId))).toEqual([]);
    }
    const asked = await list(`?userId=${owner}`, 'otherCustomer');
    expect(`${asked.status} ${asked.body.code}`).toBe('403 USER_MISMATCH');
    const twice = await list(`?userId=${other}&userId=${owner}`, 'otherCustomer');
    expect(`${twice.status} ${twice.body.code}`).toBe('400 VALIDATION_FAILED');
  });

  it('gives nothing away for the Idempotency-Key of another customer', async () => {
    const key = unique('key');
    const post = (userId: string, token: string | undefined): Test =>
      test.api.post('/api/bookings', wish(offer, { userId }), token).set('Idempotency-Key', key);
    const { body: first } = await post(owner, tokens.owner).expect(202);
    const { body: second } = await post(other, tokens.otherCustomer).expect(202);
    expect(second.bookingId).not.toBe(first.bookingId);
    expect(second.token).not.toBe(first.token);
    expect((await post(owner, tokens.otherCustomer)).body.code).toBe('USER_MISMATCH');
    const pay = (id: string, token: string | undefined): Test =>
      test.api
        .post(`/api/bookings/${id}/payment`, { paymentMethod: 'pm_ok' }, token)
        .set('Idempotency-Key', key);
    expect((await pay(first.bookingId, tokens.otherCustomer)).body.code).toBe('BOOKING_NOT_FOUND');
  });

  it('opens a socket room by the same rule, and a foreign booking is as one that does not exist', async () => {
    const joined: Record<string, string> = {};
    for (const caller of CALLERS) {
      const watcher = await Watcher.connect(test.api.url, tokens[caller]).catch((error: unknown) => error);
      if (!(watcher instanceof Watcher)) {
        joined[caller] = watcher instanceof Error ? `401 ${watcher.message}` : String(watcher);
        continue;
      }
      const foreign = await watcher.join(mine.bookingId);
      joined[caller] = foreign.ok ? 'open' : `404 ${foreign.code}`;
      if (!foreign.ok) expect(await watcher.join(randomUUID())).toEqual(foreign);
      watcher.close();
    }
    const rules = CALLERS.map((caller) => [
      caller,
      caller === 'anonymous' ? UNAUTHENTICATED : expected('owner', caller, authRequired),
    ]);
    expect(joined).toEqual(Object.fromEntries(rules));
  });
});
