import { randomUUID } from 'node:crypto';
import type { Test } from 'supertest';
import { openApiOf } from '../../../src/api-document.js';
import { jwt, newOffer, startApp, unique, wish, type TestApp } from '../../support/app.js';
import { Watcher } from '../../support/board.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

describe('who may do what', () => {
  let test: TestApp;
  let offer: Json;
  beforeAll(async () => {
    test = await startApp({ AUTH_REQUIRED: 'true' });
    offer = await test.api.offer({ capacity: 1000 });
  });
  afterAll(() => test.close());

  const refusal = async (asked: Test): Promise<string> => {
    const { status, body } = await asked;
    return `${status} ${body.code}`;
  };
  const booked = async (): Promise<{ userId: string; token: string; accepted: Json }> => {
    const userId = unique('fan');
    const token = await jwt({ sub: userId });
    const { body } = await test.api.post('/api/bookings', wish(offer, { userId }), token).expect(202);
    return { userId, token, accepted: body };
  };

  it('a customer books for nobody but themselves', async () => {
    const body = wish(offer, { userId: 'ann' });
    const post = (token?: string): Test => test.api.post('/api/bookings', body, token);
    expect(await refusal(post())).toBe('401 UNAUTHENTICATED');
    expect(await refusal(post('nonsense'))).toBe('401 UNAUTHENTICATED');
    expect(await refusal(post(await jwt({ sub: 'bob' })))).toBe('403 USER_MISMATCH');
    const expired = await jwt({ sub: 'ann', exp: Math.floor(Date.now() / 1000) - 60 });
    expect(await refusal(post(expired))).toBe('401 UNAUTHENTICATED');
    const accepted = await post(await jwt({ sub: 'ann' })).expect(202);
    expect(await refusal(post(accepted.body.token))).toBe('403 FORBIDDEN');
  });

  it('an operator books for anyone, and the audit says that it was the operator', async () => {
    const { body } = await test.api.post('/api/bookings', wish(offer), test.api.operator).expect(202);
    const audit = await test.api
      .get(`/api/admin/audit?bookingId=${body.bookingId}`, test.api.operator)
      .expect(200);
    expect(audit.body.events.at(-1)).toMatchObject({
      action: 'accept',
      actorKind: 'operator',
      actorId: 'operator',
    });
  });

  it('a booking opens to its owner, its own token and operators', async () => {
    const { token, accepted } = await booked();
    const path = `/api/bookings/${accepted.bookingId}`;
    for (const good of [token, accepted.token, test.api.operator]) {
      await test.api.get(path, good).expect(200);
      await test.api.get(path.toUpperCase().replace('/API/BOOKINGS', '/api/bookings'), good).expect(200);
    }
  });

  it('to everybody else a booking looks as if it did not exist', async () => {
    const { accepted } = await booked();
    const other = await booked();
    const strangers = [undefined, other.token, other.accepted.token, await jwt({ sub: 'nobody' })];
    const ask = (method: string, path: string, token?: string): Test => {
      if (method === 'PAY') return test.api.post(`${path}/payment`, { paymentMethod: 'pm_ok' }, token);
      if (method === 'PDF') return test.api.get(`${path}/ticket.pdf`, token);
      return method === 'DELETE' ? test.api.delete(path, token) : test.api.get(path, token);
    };
    for (const token of strangers) {
      for (const method of ['GET', 'DELETE', 'PAY', 'PDF']) {
        const seen = await Promise.all(
          [accepted.bookingId, randomUUID(), 'nonsense'].map(async (id) => {
            const { status, body, headers } = await ask(method, `/api/bookings/${id}`, token);
            const { instance: _, correlationId: __, ...rest } = body;
            const {
              date: ___,
              'x-request-id': ____,
              'content-length': _____,
              ratelimit: ______,
              ...shown
            } = headers;
            return { status, rest, shown };
          }),
        );
        expect(seen[0]).toMatchObject({ status: 404, rest: { code: 'BOOKING_NOT_FOUND' } });
        expect(seen[1]).toEqual(seen[0]);
        expect(seen[2]).toEqual(seen[0]);
      }
    }
    // Whatever a stranger asked for, nothing has happened.
    expect(['waiting', 'held']).toContain((await test.api.read(accepted)).state);
  });

  it('a socket joins its own booking, and is told the same of a foreign one as of none', async () => {
    const { token, accepted } = await booked();
    const other = await booked();
    for (const good of [token, accepted.token, test.api.operator]) {
      const watcher = await Watcher.connect(test.api.url, good);
      expect(await watcher.join(accepted.bookingId)).toMatchObject({
        ok: true,
        snapshot: { bookingId: accepted.bookingId },
      });
      watcher.close();
    }
    for (const stranger of [other.token, other.accepted.token]) {
      const watcher = await Watcher.connect(test.api.url, stranger);
      const foreign = await watcher.join(accepted.bookingId);
      expect(foreign).toMatchObject({ ok: false, code: 'BOOKING_NOT_FOUND' });
      expect(await watcher.join(randomUUID())).toEqual(foreign);
      watcher.close();
    }
  });

  it('a socket without a token, or with one that is not good, is not opened', async () => {
    for (const token of [undefined, '', 'nonsense', await jwt({ sub: '' })]) {
      await expect(Watcher.connect(test.api.url, token)).rejects.toMatchObject({
        message: 'UNAUTHENTICATED',
        data: { code: 'UNAUTHENTICATED', title: 'A valid token is required' },
      });
    }
  });

  it('a customer lists their own bookings and nobody else does', async () => {
    const { userId, token, accepted } = await booked();
    await booked();
    const list = (query: string, by?: string): Test => test.api.get(`/api/bookings${query}`, by);
    const { body } = await list('', token).expect(200);
    expect(body.bookings.map((one: Json) => one.bookingId)).toEqual([accepted.bookingId]);
    await list(`?userId=${userId}`, token).expect(200);
    expect(await refusal(list('?userId=someone', token))).toBe('403 USER_MISMATCH');
    expect(await refusal(list(''))).toBe('401 UNAUTHENTICATED');
    expect(await refusal(list('', accepted.token))).toBe('401 UNAUTHENTICATED');
  });

  it('every route of operators is closed to everybody else, also with a body that is wrong', async () => {
    const { token, accepted } = await booked();
    const routes = Object.entries<Json>(openApiOf(test.app).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const closed = routes.filter(
      (route) => route.includes('/api/admin/') || /^(POST|PATCH) \/api\/offers|\/redeem$/.test(route),
    );
    expect(closed.length).toBeGreaterThanOrEqual(10);
    const BODIES: Readonly<Record<string, object>> = {
      'PATCH /api/offers/{id}': { paused: true },
      'POST /api/offers': newOffer(),
      'POST /api/admin/erasures': { userId: unique('fan') },
    };
    for (const route of closed) {
      const [method = '', template = ''] = route.split(' ');
      const path = template.replace('{id}', randomUUID()).replace('{code}', 'X');
      const ask = (by?: string, body?: object): Test => {
        if (method === 'GET') return test.api.get(path, by);
        return method === 'PATCH' ? test.api.patch(path, body ?? {}, by) : test.api.post(path, body, by);
      };
      const body = BODIES[route];
      const seen = await Promise.all(
        [ask(undefined, body), ask(token, body), ask(accepted.token, body)].map(refusal),
      );
      expect({ route, seen }).toEqual({
        route,
        seen: ['401 UNAUTHENTICATED', '403 FORBIDDEN', '403 FORBIDDEN'],
      });
    }
  });

  it('what is on sale and whether a ticket is genuine is for everybody', async () => {
    await test.api.get('/api/offers').expect(200);
    await test.api.get(`/api/offers/${offer.id}`).expect(200);
    expect(await refusal(test.api.get('/api/tickets/nonsense'))).toBe('404 TICKET_NOT_FOUND');
  });
});
