import { freePort } from '../../../src/database/embedded/free-port.js';
import { eventually, jwt, newOffer, startApp, wish, type TestApp } from '../../support/app.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

/** Who is to stand in the log: the caller under the id of this request, or the system under that of the acceptance. */
type Who = 'operator' | 'holder' | 'customer' | 'system';

const ADDRESS = '127.0.0.1';
const PAST = `starts_at = now() - interval '3 days'`;

/** Every operation leaves a row that says who did what, when, from where and under which id. */
describe('The audit log of operations', () => {
  let test: TestApp;
  let requests = 0;
  beforeAll(async () => {
    // A mail server that nobody runs: a booking with an address becomes a dead letter.
    test = await startApp({
      ...{ SMTP_URL: `smtp://127.0.0.1:${await freePort()}`, JOB_ATTEMPTS: '1', BULL_BOARD_WRITABLE: 'true' },
    });
  });
  afterAll(() => test.close());

  /** Asks under an id of its own. Gives the id and the answer. */
  async function ask(
    method: 'get' | 'post' | 'patch' | 'delete',
    path: string,
    { token, body }: { token?: string | undefined; body?: object } = {},
  ): Promise<{ id: string; body: Json }> {
    const id = `operation-${++requests}`;
    const asked = test.api.http[method](path).set('X-Request-Id', id);
    if (token !== undefined) void asked.set('Authorization', `Bearer ${token}`);
    const answer = await (body === undefined ? asked : asked.send(body));
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return { id, body: answer.body };
  }
  const byOperator = (method: 'get' | 'post' | 'patch', path: string, body?: object) =>
    ask(method, path, { token: test.api.operator, ...(body !== undefined && { body }) });

  interface Booked {
    readonly bookingId: string;
    readonly token: string;
    readonly userId: string;
    /** Of the request that began it. */
    readonly correlationId: string;
  }
  async function book(offer: Json, more: Readonly<Record<string, unknown>> = {}): Promise<Booked> {
    const request = wish(offer, more);
    const { id, body } = await ask('post', '/api/bookings', { body: request });
    return { ...body, userId: request['userId'], correlationId: id };
  }
  const paid = async (more: Readonly<Record<string, unknown>> = {}): Promise<Booked> => {
    const booking = await book(await test.api.offer(more), { paymentMethod: 'pm_ok' });
    await test.api.until(booking, 'confirmed');
    return booking;
  };
  const buried = async (): Promise<{ booking: Booked; letterId: string }> => {
    const booking = await book(await test.api.offer(), { paymentMethod: 'pm_ok', email: 'fan@example.org' });
    return { booking, letterId: await letterOf(booking) };
  };
  const letterOf = ({ bookingId }: Booked): Promise<string> =>
    eventually('a dead letter', async () => {
      const { body } = await byOperator('get', '/api/admin/dead-letters?state=open');
      return body.deadLetters.find((letter: Json) => letter.bookingId === bookingId)?.id ?? null;
    });

  /** What an operation is expected to have left: its action, who, under which id, and of which booking. */
  interface Expected {
    readonly action: string;
    readonly who: Who;
    readonly correlationId: string;
    readonly bookingId?: string;
    readonly userId?: string;
  }
  const left = (action: string, who: Who, id: string, booking?: Booked): Expected => ({
    ...{ action, who, correlationId: id },
    ...(booking !== undefined && { bookingId: booking.bookingId, userId: booking.userId }),
  });
  /** By the system, for a booking: the id is that of the request that began it. */
  const byItself = (booking: Booked, ...actions: string[]): Expected[] =>
    actions.map((action) => left(action, 'system', booking.correlationId, booking));

  const OPERATIONS: readonly (readonly [string, () => Promise<readonly Expected[]>])[] = [
    [
      'an offer put on sale, changed, paused and resumed',
      async () => {
        const { id, body } = await byOperator('post', '/api/offers', newOffer());
        const changes = [{ capacity: 11 }, { paused: true }, { paused: false }];
        const ids: string[] = [];
        for (const change of changes)
          ids.push((await byOperator('patch', `/api/offers/${body.id}`, change)).id);
        return [
          left('offer.create', 'operator', id),
          ...ids.map((change) => left('offer.change', 'operator', change)),
        ];
      },
    ],
    [
      'a booking accepted, granted, paid for, fulfilled and redeemed',
      async () => {
        const booking = await book(await test.api.offer());
        await test.api.until(booking, 'held');
        const { bookingId, token } = booking;
        const pay = { token, body: { paymentMethod: 'pm_ok' } };
        const { id } = await ask('post', `/api/bookings/${bookingId}/payment`, pay);
        const { ticketCodes } = await test.api.until(booking, 'confirmed');
        const redeemed = await byOperator('post', `/api/tickets/${ticketCodes[0]}/redeem`);
        const read = await byOperator('get', `/api/bookings/${bookingId}/ticket.pdf`);
        return [
          left('accept', 'customer', booking.correlationId, booking),
          left('pay', 'holder', id, booking),
          left('ticket.redeem', 'operator', redeemed.id, booking),
          left('document.read', 'operator', read.id, booking),
          ...byItself(
            booking,
            'grant',
            'step.validate',
            'payment.captured',
            'step.pdf',
            'step.email',
            'confirm',
          ),
        ];
      },
    ],
    [
      'a payment that is declined',
      async () => {
        const booking = await book(await test.api.offer(), { paymentMethod: 'pm_decline' });
        await test.api.until(booking, 'held');
        return byItself(booking, 'payment.declined');
      },
    ],
    [
      'a customer who leaves, and one whom an operator takes out',
      async () => {
        const offer = await test.api.offer();
        const [one, two] = [await book(offer), await book(offer)];
        const by = { token: one.token };
        const { id } = await ask('delete', `/api/bookings/${one.bookingId}`, by);
        const other = { token: test.api.operator };
        const taken = await ask('delete', `/api/bookings/${two.bookingId}`, other);
        return [left('cancel', 'holder', id, one), left('cancel', 'operator', taken.id, two)];
      },
    ],
    [
      'a booking made by an operator for somebody',
      async () => {
        const body = wish(await test.api.offer());
        const { id, body: accepted } = await byOperator('post', '/api/bookings', body);
        return [left('accept', 'operator', id, { ...accepted, userId: body['userId'], correlationId: id })];
      },
    ],
    [
      'a customer who proves who they are',
      async () => {
        const body = wish(await test.api.offer());
        const token = await jwt({ sub: body['userId'] });
        const { id, body: accepted } = await ask('post', '/api/bookings', { token, body });
        return [left('accept', 'customer', id, { ...accepted, userId: body['userId'], correlationId: id })];
      },
    ],
    [
      'a hold that expires, and one who is sold out',
      async () => {
        const offer = await test.api.offer({ holdSeconds: 1, capacity: 1 });
        const late = await book(offer);
        await test.api.until(late, 'expired');
        const lucky = await book(offer, { paymentMethod: 'pm_ok' });
        const unlucky = await book(offer);
        await test.api.until(lucky, 'confirmed');
        await test.api.until(unlucky, 'sold_out');
        return [...byItself(late, 'expire'), ...byItself(unlucky, 'sell_out')];
      },
    ],
    [
      'a refund, by an operator and by the terms, and its money',
      async () => {
        const one = await paid();
        const { id } = await byOperator('post', `/api/admin/bookings/${one.bookingId}/refund`, {});
        const two = await paid({ cancellation: { refundable: true } });
        const returned = await ask('delete', `/api/bookings/${two.bookingId}`, { token: two.token });
        return [
          left('refund', 'operator', id, one),
          left('refund.open', 'operator', id, one),
          left('refund', 'holder', returned.id, two),
          left('refund.open', 'holder', returned.id, two),
          ...byItself(one, 'refund.succeeded'),
          ...byItself(two, 'refund.succeeded'),
        ];
      },
    ],
    [
      'a dead letter: written, replayed, and discarded',
      async () => {
        const { booking, letterId } = await buried();
        const replayed = await byOperator('post', `/api/admin/dead-letters/${letterId}/replay`);
        const again = await letterOf(booking);
        const discarded = await byOperator('post', `/api/admin/dead-letters/${again}/discard`);
        return [
          ...byItself(booking, 'dead_letter.open'),
          left('dead_letter.replayed', 'operator', replayed.id, booking),
          left('dead_letter.discarded', 'operator', discarded.id, booking),
          left('refund', 'operator', discarded.id, booking),
        ];
      },
    ],
    [
      'an export of who booked',
      async () => [left('export', 'operator', (await byOperator('get', '/api/admin/bookings.ndjson')).id)],
    ],
    [
      "a change by the queue's own board",
      async () => {
        const id = `operation-${++requests}`;
        await test.api.http
          .put('/admin/queues/api/queues/none/pause')
          .set({ 'X-Request-Id': id, Authorization: `Bearer ${test.api.operator}` });
        return [left('queue.board', 'operator', id)];
      },
    ],
    [
      'a customer forgotten: of each booking, and of the whole, without their name',
      async () => {
        const booking = await paid();
        await test.ground.sql(
          `update offer set ${PAST} where id = (select offer_id from booking where id = $1)`,
          [booking.bookingId],
        );
        const { id } = await byOperator('post', '/api/admin/erasures', { userId: booking.userId });
        return [left('erase', 'operator', id, booking), left('erasure', 'operator', id)];
      },
    ],
  ];

  const who = ({ who: kind, userId, bookingId }: Expected): Json => {
    switch (kind) {
      case 'operator':
        return { actorKind: 'operator', actorId: 'operator', address: ADDRESS };
      case 'customer':
        return { actorKind: 'customer', actorId: userId, address: ADDRESS };
      case 'holder':
        return { actorKind: 'customer', actorId: `booking:${bookingId}`, address: ADDRESS };
      case 'system':
        return { actorKind: 'system', actorId: expect.stringMatching(/^worker-\d+$/), address: null };
    }
  };

  it.each(OPERATIONS)('has who, what, when, from where and under which id: %s', async (_, operate) => {
    const begun = Date.now();
    for (const expected of await operate()) {
      const { action, correlationId, bookingId = null } = expected;
      const found = await eventually(`${action} of ${correlationId}`, async () => {
        const { body } = await byOperator('get', '/api/admin/audit?limit=200');
        const rows: Json[] = body.events.filter(
          (row: Json) => row.action === action && row.correlationId === correlationId,
        );
        return rows.length > 0 ? rows : null;
      });
      expect({ action, found }).toEqual({
        action,
        found: found.map(() => expect.objectContaining({ ...who(expected), correlationId, bookingId })),
      });
      const at = Date.parse(found[0]?.at);
      expect(at).toBeGreaterThan(begun - 60_000);
      expect(at).toBeLessThanOrEqual(Date.now() + 1000);
    }
  });

  it('tells where its chain stands, to operators alone', async () => {
    const head = await eventually('a seal', async () => {
      const { body } = await byOperator('get', '/api/admin/audit/head');
      return body.sequence > 0 ? body : null;
    });
    expect(head).toEqual({
      sequence: expect.any(Number),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      anchor: `${head.sequence}:${head.digest}`,
      sealedAt: expect.stringMatching(/Z$/),
      sealedThrough: expect.stringMatching(/^\d+$/),
    });
    await test.api.get('/api/admin/audit/head').expect(401);
    await test.api.get('/api/admin/audit/head', await jwt({ sub: 'fan' })).expect(403);
    const [row] = await test.ground.sql(
      `select encode(hash, 'hex') as digest from audit_seal where number = $1`,
      [head.sequence],
    );
    expect(row).toEqual({ digest: head.digest });
  });

  it('forgets at the request of operators alone, nobody whose booking is not over, and names them nowhere', async () => {
    const booking = await book(await test.api.offer({ capacity: 1 }), { email: 'gone@example.org' });
    const erase = (token?: string) => test.api.post('/api/admin/erasures', { userId: booking.userId }, token);
    await erase().expect(401);
    await erase(booking.token).expect(403);
    const { body } = await erase(test.api.operator).expect(409);
    expect(body).toMatchObject({ code: 'BOOKINGS_OPEN', bookings: [booking.bookingId] });
    await test.api.delete(`/api/bookings/${booking.bookingId}`, booking.token).expect(200);
    expect((await erase(test.api.operator).expect(200)).body).toEqual({ bookings: 1 });
    expect((await erase(test.api.operator).expect(200)).body).toEqual({ bookings: 0 });
    expect((await test.api.read(booking)).state).toBe('cancelled');
    const { text } = await test.api.get('/api/admin/bookings.ndjson', test.api.operator).buffer(true);
    const audit = await test.api.get(`/api/admin/audit?bookingId=${booking.bookingId}`, test.api.operator);
    for (const told of [text, audit.text]) {
      expect(told).toContain(booking.bookingId);
      expect(told).not.toContain(booking.userId);
      expect(told).not.toContain('gone@example.org');
    }
    await test.api.post('/api/admin/erasures', {}, test.api.operator).expect(400);
    expect(await test.api.broken()).toEqual({});
  });
});
