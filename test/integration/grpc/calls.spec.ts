import { setTimeout as sleep } from 'node:timers/promises';
import { status, type ServiceError } from '@grpc/grpc-js';
import { Client } from 'pg';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { JobQueue } from '../../../src/queue/job-queue.js';
import { eventually, jwt, startApp, unique, type TestApp } from '../../support/app.js';
import { GrpcClient, refusalOf } from '../../support/grpc.js';

type Json = ReturnType<typeof JSON.parse>;

let test: TestApp;
let grpc: GrpcClient;
let service: string;
beforeAll(async () => {
  const port = await freePort();
  test = await startApp({ GRPC_PORT: String(port) });
  grpc = new GrpcClient(`127.0.0.1:${port}`);
  service = await jwt({ sub: 'gateway', role: 'service' });
});
afterAll(async () => {
  grpc.close();
  await test.close();
});

/** A request for tickets of an offer. */
const request = (offer: Json, more: object = {}, units: object = {}): object => ({
  request: { userId: unique('fan'), units: { tickets: { eventId: offer.eventId, ...units } }, ...more },
});
const join = async (offer: Json, more: object = {}, units: object = {}): Promise<Json> =>
  (await grpc.call('BookingService/ReserveBooking', request(offer, more, units))).acceptance;
const read = async ({ bookingId, token }: Json): Promise<Json> =>
  (await grpc.call('BookingService/GetBooking', { bookingId }, { token })).booking;
const until = (accepted: Json, state: string): Promise<Json> =>
  eventually(`${state} by gRPC`, async () => {
    const booking = await read(accepted);
    return booking.state === `BOOKING_STATE_${state}` ? booking : null;
  });

describe('a reservation by gRPC', () => {
  it('joins the line like any other, and ends in a ticket like any other', async () => {
    const offer = await test.api.offer();
    const before = await test.api.book(offer);
    const mine = await join(offer, { paymentMethod: 'pm_ok', email: 'fan@example.org' }, { quantity: 2 });
    const after = await test.api.book(offer);
    expect([before.seq, mine.seq, after.seq]).toEqual([1, 2, 3]);
    expect(mine).toMatchObject({
      offerId: offer.id,
      state: 'BOOKING_STATE_WAITING',
      jobId: `fulfil-${mine.bookingId}`,
    });

    const confirmed = await until(mine, 'CONFIRMED');
    expect(confirmed.ticketCodes).toHaveLength(2);
    const overHttp = await test.api.read(mine);
    expect(overHttp).toMatchObject({ state: 'confirmed', ticketCodes: confirmed.ticketCodes });
    expect(confirmed.price).toEqual(overHttp.price);
    expect(new Date(confirmed.acceptedAt.seconds * 1000).toISOString().slice(0, 19)).toBe(
      overHttp.acceptedAt.slice(0, 19),
    );
    expect(confirmed).not.toHaveProperty('position');
    expect(confirmed).not.toHaveProperty('deadline');
  });

  it('is made once under one key, whichever door it comes through', async () => {
    const offer = await test.api.offer();
    const userId = unique('fan');
    const asked = { ...request(offer, { userId }), idempotencyKey: 'one-key' };
    const first = (await grpc.call('BookingWorkerService/EnqueueBooking', asked)).acceptance;
    const again = (await grpc.call('BookingService/ReserveBooking', asked)).acceptance;
    expect(again).toEqual(first);
    const { body } = await test.api
      .post('/api/bookings', { userId, eventId: offer.eventId })
      .set('Idempotency-Key', 'one-key')
      .expect(202);
    expect(body.bookingId).toBe(first.bookingId);
    const other = { ...request(offer, { userId }, { quantity: 2 }), idempotencyKey: 'one-key' };
    expect(await grpc.refused('BookingService/ReserveBooking', other)).toMatchObject({
      status: 'FAILED_PRECONDITION',
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
  });

  it('is for rooms as well', async () => {
    const rooms = {
      hotelId: unique('hotel'),
      roomType: 'double',
      checkInTime: '15:00',
      checkOutTime: '11:00',
    };
    const day = (ahead: number): string =>
      new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
    const { body: offer } = await test.api
      .post(
        '/api/offers',
        {
          ...{ ...rooms, title: 'Lakeside', venue: 'Hallstatt', timeZone: 'Europe/Vienna' },
          price: { amountMinor: 12900, currency: 'EUR' },
          nights: [{ from: day(20), to: day(30), capacity: 2 }],
        },
        test.api.operator,
      )
      .expect(201);
    const stay = { hotelId: offer.hotelId, checkIn: day(22), checkOut: day(24) };
    const asked = { request: { userId: unique('guest'), units: { stay } } };
    const { acceptance } = await grpc.call('BookingService/ReserveBooking', asked);
    const held = await until(acceptance, 'HELD');
    expect(held.stay).toMatchObject({ checkIn: stay.checkIn, checkOut: stay.checkOut });
    expect(held.deadline.seconds * 1000).toBeGreaterThan(Date.now());
  });

  it('is paid for by its token, and by nobody else', async () => {
    const offer = await test.api.offer();
    const mine = await join(offer);
    await until(mine, 'HELD');
    const payment = { bookingId: mine.bookingId, paymentMethod: 'pm_ok' };
    const other = await join(offer);
    for (const token of [undefined, other.token, await jwt({ sub: 'somebody' }), service])
      expect(await grpc.refused('BookingService/ConfirmBooking', payment, { token })).toMatchObject({
        status: 'NOT_FOUND',
        code: 'BOOKING_NOT_FOUND',
      });
    const { booking } = await grpc.call('BookingService/ConfirmBooking', payment, { token: mine.token });
    expect(booking.bookingId).toBe(mine.bookingId);
    await until(mine, 'CONFIRMED');
    expect(await grpc.refused('BookingService/ConfirmBooking', payment, { token: mine.token })).toMatchObject(
      { status: 'FAILED_PRECONDITION', code: 'ALREADY_SETTLED' },
    );
  });

  it('that nobody waits for any more when its commit begins is not made', async () => {
    const offer = await test.api.offer();
    const lock = new Client({ connectionString: test.ground.databaseUrl });
    await lock.connect();
    try {
      await lock.query('begin');
      await lock.query('select from booking_line where offer_id = $1 for update', [offer.id]);
      // Its commit is under way, and the next ones wait behind it.
      const first = join(offer);
      await sleep(50);
      const late = grpc.refused('BookingService/ReserveBooking', request(offer), { deadlineMs: 250 });
      const gone = grpc.stream('BookingService/ReserveBooking', request(offer));
      gone.on('error', () => undefined);
      await sleep(100);
      gone.cancel();
      expect(await late).toMatchObject({ status: 'DEADLINE_EXCEEDED' });
      await lock.query('rollback');
      expect((await first).seq).toBe(1);
    } finally {
      await lock.end();
    }
    expect((await join(offer)).seq).toBe(2);
  });
});

describe('a batch', () => {
  it('is accepted one by one in its order, and a request that is wrong fails alone', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const requests = Array.from({ length: 6 }, () => request(offer));
    requests[2] = request({ eventId: 'no such event' });
    requests[4] = request(offer, {}, { quantity: 0 });
    const { results } = await grpc.call('BookingWorkerService/EnqueueBookings', { requests });
    expect(results.map((result: Json) => result.acceptance?.seq ?? result.problem.code)).toEqual([
      1,
      2,
      'OFFER_NOT_FOUND',
      3,
      'VALIDATION_FAILED',
      4,
    ]);
    expect(results[4].problem.fields).toEqual([
      { field: 'request.units.tickets.quantity', message: expect.stringContaining('quantity') },
    ]);
  });

  it('has a bound', async () => {
    const offer = await test.api.offer();
    for (const requests of [[], Array.from({ length: 501 }, () => request(offer))])
      expect(await grpc.refused('BookingWorkerService/EnqueueBookings', { requests })).toMatchObject({
        status: 'INVALID_ARGUMENT',
        code: 'VALIDATION_FAILED',
      });
  });
});

describe('input that is wrong', () => {
  const wrong = async (message: object): Promise<Json> => {
    const refused = await grpc.refused('BookingService/ReserveBooking', message);
    expect(refused).toMatchObject({ status: 'INVALID_ARGUMENT', code: 'VALIDATION_FAILED' });
    expect(refused.details['ErrorInfo']).toMatchObject({ reason: 'VALIDATION_FAILED', domain: 'fairline' });
    return refused.details['BadRequest'].fieldViolations.map(({ field }: Json) => field);
  };

  it('is named by its place in the message', async () => {
    expect(await wrong({})).toEqual(['request']);
    expect(await wrong({ request: { userId: 'fan' } })).toEqual(['request.units']);
    expect(await wrong({ request: { userId: 'fan', units: {} } })).toEqual(['request.units']);
    expect(await wrong({ request: { units: { tickets: { eventId: '', quantity: 101 } } } })).toEqual(
      expect.arrayContaining([
        'request.user_id',
        'request.units.tickets.event_id',
        'request.units.tickets.quantity',
      ]),
    );
    expect(
      await wrong({
        request: { userId: 'a\0b', units: { stay: { hotelId: 'h', checkIn: 'soon', checkOut: '' } } },
      }),
    ).toEqual(
      expect.arrayContaining([
        'request.user_id',
        'request.units.stay.check_in',
        'request.units.stay.check_out',
      ]),
    );
  });

  it('is refused wherever it is', async () => {
    const { bookingId } = await join(await test.api.offer());
    expect(
      await grpc.refused('BookingWorkerService/GetQueueStatus', { bookingId, version: -1 }),
    ).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(
      await grpc.refused('BookingService/ConfirmBooking', { bookingId, paymentMethod: '4111111111111111' }),
    ).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(
      await grpc.refused('BookingService/ReserveBooking', {
        ...request(await test.api.offer()),
        idempotencyKey: 'not a key',
      }),
    ).toMatchObject({ status: 'INVALID_ARGUMENT', code: 'IDEMPOTENCY_KEY_INVALID' });
    for (const offerId of ['', 'a\0b', 'x'.repeat(300), 'unknown'])
      expect(await grpc.refused('BookingWorkerService/GetQueueStatus', { offerId })).toMatchObject({
        status: 'NOT_FOUND',
        code: 'OFFER_NOT_FOUND',
      });
  });

  it('is refused by gRPC itself where it is too large', async () => {
    const message = { request: { userId: 'x'.repeat(2_000_000) } };
    expect(await grpc.refused('BookingService/ReserveBooking', message)).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
    });
  });
});

describe('a refusal', () => {
  it('has its code in the details and the metadata, and says when to try again', async () => {
    const opensAt = new Date(Date.now() + 3_600_000).toISOString();
    const offer = await test.api.offer({ opensAt });
    const refused = await grpc.refused('BookingService/ReserveBooking', request(offer), {
      metadata: { 'x-request-id': 'my-own-id' },
    });
    expect(refused).toMatchObject({ status: 'FAILED_PRECONDITION', code: 'OFFER_NOT_OPEN' });
    const { reason, metadata } = refused.details['ErrorInfo'];
    expect(reason).toBe('OFFER_NOT_OPEN');
    expect(new Date(metadata.opensAt).toISOString()).toBe(opensAt);
  });
});

describe('a booking that is somebody else’s', () => {
  it('does not exist, in words and in everything else', async () => {
    const theirs = await join(await test.api.offer());
    const absent = '018f2a3b-0000-7000-8000-000000000000';
    const stranger = await jwt({ sub: 'somebody' });
    const seen = (answer: object): string => JSON.stringify(answer).replaceAll(theirs.bookingId, absent);
    for (const token of [undefined, stranger, service]) {
      for (const path of ['BookingService/GetBooking', 'BookingWorkerService/GetQueueStatus']) {
        const foreign = await grpc.refused(path, { bookingId: theirs.bookingId }, { token });
        const none = await grpc.refused(path, { bookingId: absent }, { token });
        expect(foreign.code).toBe('BOOKING_NOT_FOUND');
        expect(seen({ ...foreign, metadata: 0 })).toBe(seen({ ...none, metadata: 0 }));
      }
    }
    const operator = await jwt({ sub: 'op', role: 'operator' });
    const { booking } = await grpc.call('BookingService/GetBooking', theirs, { token: operator });
    expect(booking.bookingId).toBe(theirs.bookingId);
  });

  it('is refused with a token that is not good, whatever is asked', async () => {
    for (const token of ['nonsense', await jwt({ sub: 'fan', exp: 1 })])
      expect(
        await grpc.refused('BookingWorkerService/GetQueueStatus', { offerId: 'x' }, { token }),
      ).toMatchObject({
        status: 'UNAUTHENTICATED',
        code: 'UNAUTHENTICATED',
      });
  });

  it('is not made for another user', async () => {
    const token = await jwt({ sub: 'ann' });
    expect(
      await grpc.refused('BookingService/ReserveBooking', request(await test.api.offer()), { token }),
    ).toMatchObject({ status: 'PERMISSION_DENIED', code: 'USER_MISMATCH' });
  });
});

describe('the state of a line', () => {
  it('is told with a booking, and of an offer by itself', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const first = await join(offer);
    await until(first, 'HELD');
    const second = await join(offer);
    const { booking, line } = await grpc.call('BookingWorkerService/GetQueueStatus', second, {
      token: second.token,
    });
    expect(booking).toMatchObject({ seq: 2, position: 1 });
    expect(line).toMatchObject({ offerId: offer.id, waiting: 1, front: 2, last: 2 });
    expect(line.stock).toEqual({ capacity: 1, available: 0, held: 1, sold: 0 });
    const open = await grpc.call('BookingWorkerService/GetQueueStatus', { offerId: offer.id });
    expect(open.line).toMatchObject({ offerId: offer.id, waiting: 1 });
    expect(open).not.toHaveProperty('booking');
  });
});

describe('a booking that is watched', () => {
  /** Every state that a stream tells, until it ends. */
  const watched = (accepted: Json): { states: string[]; ended: Promise<unknown> } => {
    const states: string[] = [];
    const stream = grpc.stream('BookingService/WatchBooking', accepted, { token: accepted.token });
    stream.on('data', ({ booking }: Json) => {
      if (states.at(-1) !== booking.state) states.push(booking.state);
    });
    const ended = new Promise((done) => stream.on('error', done).on('end', () => done('end')));
    return { states, ended };
  };

  it('is told from its place in the line to its end, and then the stream ends', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const first = await join(offer);
    await until(first, 'HELD');
    const second = await join(offer);
    const { states, ended } = watched(second);
    await eventually('the first word', async () => states[0] ?? null);
    await test.api.delete(`/api/bookings/${first.bookingId}`, first.token).expect(200);
    await until(second, 'HELD');
    await eventually('the hold is told', async () => (states.includes('BOOKING_STATE_HELD') ? true : null));
    await grpc.call(
      'BookingService/ConfirmBooking',
      { bookingId: second.bookingId, paymentMethod: 'pm_ok' },
      { token: second.token },
    );
    expect(await ended).toBe('end');
    expect(states.slice(0, 2)).toEqual(['BOOKING_STATE_WAITING', 'BOOKING_STATE_HELD']);
    expect(states.at(-1)).toBe('BOOKING_STATE_CONFIRMED');
  });

  it('is told no longer than the client wants, and nothing of anybody else’s', async () => {
    const mine = await join(await test.api.offer());
    const stream = grpc.stream('BookingService/WatchBooking', mine, { token: mine.token, deadlineMs: 700 });
    stream.on('data', () => undefined);
    const [error]: [ServiceError] = await new Promise((done) =>
      stream.on('error', (found: Error) => done([found as ServiceError])),
    );
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    const stranger = grpc.stream('BookingService/WatchBooking', mine, { token: await jwt({ sub: 'else' }) });
    stranger.on('data', () => undefined);
    const [refused]: [ServiceError] = await new Promise((done) =>
      stranger.on('error', (found: Error) => done([found as ServiceError])),
    );
    expect(refusalOf(refused)).toMatchObject({ status: 'NOT_FOUND', code: 'BOOKING_NOT_FOUND' });
  });
});

describe('what is for services', () => {
  it('is refused to everybody else, operators too', async () => {
    const { bookingId, token } = await join(await test.api.offer());
    const calls: [string, object][] = [
      ['BookingWorkerService/DequeueAndProcess', { offerId: 'x', max: 1 }],
      ['BookingWorkerService/NotifyClient', { bookingId }],
      ['TicketService/CheckAvailability', {}],
      ['TicketService/Reserve', { bookingId }],
      ['TicketService/Release', { bookingId }],
      ['TicketService/Confirm', { bookingId }],
      ['RealtimeService/PushPosition', { offerId: 'x' }],
      ['RealtimeService/PushStatus', { bookingId }],
      ['RateLimiterService/Check', { limit: 'customer', subject: 'x' }],
    ];
    for (const [path, message] of calls) {
      expect(await grpc.refused(path, message)).toMatchObject({ status: 'UNAUTHENTICATED' });
      for (const other of [token, await jwt({ sub: 'ann' }), test.api.operator])
        expect(await grpc.refused(path, message, { token: other })).toMatchObject({
          status: 'PERMISSION_DENIED',
          code: 'FORBIDDEN',
        });
    }
  });

  it('grants and fulfils through the worker’s own functions', async () => {
    const offer = await test.api.offer({ capacity: 2 });
    await test.app.get(JobQueue, { strict: false }).pause();
    await grpc.call('BookingWorkerService/EnqueueBookings', {
      requests: [request(offer, { paymentMethod: 'pm_ok' }), request(offer), request(offer)],
    });
    const done = await grpc.call(
      'BookingWorkerService/DequeueAndProcess',
      { offerId: offer.id, max: 10 },
      { token: service },
    );
    await test.app.get(JobQueue, { strict: false }).resume();
    const [row] = await test.ground.sql(
      `select count(*)::int as held from booking where offer_id = $1 and state = 'held'`,
      [offer.id],
    );
    expect(row.held).toBe(1);
    // The sweeper grants as well, and comes first now and then.
    if (done.granted > 0)
      expect(done).toMatchObject({
        granted: 2,
        processed: [{ state: 'BOOKING_STATE_CONFIRMED', progress: 100, fence: 2 }],
      });
    const audit = await test.ground.sql(
      `select actor_kind, actor_id from audit_event where action = 'line.work'`,
    );
    expect(audit).toEqual([{ actor_kind: 'service', actor_id: 'gateway' }]);
    expect(
      await grpc.refused(
        'BookingWorkerService/DequeueAndProcess',
        { offerId: 'x', max: 1 },
        { token: service },
      ),
    ).toMatchObject({ code: 'OFFER_NOT_FOUND' });
  });

  it('tells again what the ledger says', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const held = await join(offer);
    const { version } = await until(held, 'HELD');
    const lie = { ...held, state: 'BOOKING_STATE_CONFIRMED', fence: 99, progress: 100 };
    for (const path of ['BookingWorkerService/NotifyClient', 'RealtimeService/PushStatus'])
      expect(await grpc.call(path, lie, { token: service })).toEqual({
        state: 'BOOKING_STATE_HELD',
        version,
      });
    const told = await grpc.call(
      'RealtimeService/PushPosition',
      { offerId: offer.id, version: Number(version) + 1000 },
      { token: service },
    );
    expect(told.version).toBe(version);
  });

  it('counts for other processes', async () => {
    const subject = unique('limited');
    const check = (cost: number): Promise<Json> =>
      grpc.call('RateLimiterService/Check', { limit: 'customer', subject, cost }, { token: service });
    const first = await check(1);
    expect(first).toMatchObject({ allowed: true, quota: expect.any(Number) });
    expect(first.remaining).toBe(first.quota - 1);
    // What is refused uses nothing up: as much as is left may still follow, and then nothing more.
    const remaining = Number(first.remaining);
    expect(await check(remaining + 1)).toMatchObject({ allowed: false, remaining: 0 });
    expect(await check(remaining)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await check(remaining)).toMatchObject({ allowed: false });
    expect(
      await grpc.refused('RateLimiterService/Check', { limit: 'x', subject }, { token: service }),
    ).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('books for customers, and is known by its name', async () => {
    const offer = await test.api.offer();
    const { acceptance } = await grpc.call('BookingService/ReserveBooking', request(offer), {
      token: service,
    });
    const [row] = await test.ground.sql(
      `select actor_kind, actor_id from audit_event where booking_id = $1 order by id limit 1`,
      [acceptance.bookingId],
    );
    expect(row).toEqual({ actor_kind: 'service', actor_id: 'gateway' });
  });
});

describe('units that another system sells', () => {
  const tell = async (method: string, booking: string, fence: number, units: object): Promise<Json> =>
    (await grpc.call(`TicketService/${method}`, { bookingId: booking, fence, units }, { token: service }))
      .reservation;
  const stock = async (offer: Json): Promise<Json> =>
    (await test.api.get(`/api/offers/${offer.id}`).expect(200)).body.stock;

  it('are held and sold beside what is sold here, once, and come back', async () => {
    const offer = await test.api.offer({ capacity: 5 });
    const units = { tickets: { eventId: offer.eventId, quantity: 2 } };
    const check = async (quantity: number): Promise<Json> =>
      grpc.call(
        'TicketService/CheckAvailability',
        { units: { tickets: { eventId: offer.eventId, quantity } } },
        { token: service },
      );
    expect(await check(5)).toEqual({ available: true, offerId: offer.id, unitsAvailable: 5 });
    const booking = unique('theirs');
    const reserved = {
      bookingId: booking,
      fence: 1,
      state: 'RESERVATION_STATE_RESERVED',
      offerId: offer.id,
      quantity: 2,
    };
    for (let times = 0; times < 3; times++)
      expect(await tell('Reserve', booking, 1, units)).toEqual(reserved);
    expect(await stock(offer)).toEqual({ capacity: 5, available: 3, held: 2, sold: 0 });
    expect(await check(5000)).toMatchObject({ available: false, unitsAvailable: 3 });

    expect((await tell('Confirm', booking, 2, units)).state).toBe('RESERVATION_STATE_CONFIRMED');
    // What comes late or again changes nothing: the answer is what stands.
    expect((await tell('Reserve', booking, 1, units)).state).toBe('RESERVATION_STATE_CONFIRMED');
    expect(await stock(offer)).toEqual({ capacity: 5, available: 3, held: 0, sold: 2 });
    expect((await tell('Release', booking, 2, units)).state).toBe('RESERVATION_STATE_RELEASED');
    expect((await tell('Confirm', booking, 2, units)).state).toBe('RESERVATION_STATE_RELEASED');
    expect(await stock(offer)).toEqual({ capacity: 5, available: 5, held: 0, sold: 0 });
  });

  it('are no more than there are, and go to the next in line here when they come back', async () => {
    const offer = await test.api.offer({ capacity: 2 });
    const units = { tickets: { eventId: offer.eventId, quantity: 1 } };
    const [one, two] = [unique('theirs'), unique('theirs')];
    const held = await join(offer);
    await until(held, 'HELD');
    await tell('Reserve', one, 1, units);
    expect(
      await grpc.refused('TicketService/Reserve', { bookingId: two, fence: 1, units }, { token: service }),
    ).toMatchObject({ status: 'FAILED_PRECONDITION', code: 'SOLD_OUT' });
    const waiting = await join(offer);
    expect((await read(waiting)).state).toBe('BOOKING_STATE_WAITING');
    await tell('Release', one, 1, units);
    await until(waiting, 'HELD');
    expect(
      await grpc.refused(
        'TicketService/Confirm',
        { bookingId: one, fence: 2, units: { tickets: { ...units.tickets, quantity: 2 } } },
        { token: service },
      ),
    ).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  it('overtake nobody who waits here: the call is to be repeated, and is good once they were served', async () => {
    const offer = await test.api.offer({ capacity: 2 });
    const change = (paused: boolean): unknown =>
      test.api.patch(`/api/offers/${offer.id}`, { paused }, test.api.operator).expect(200);
    const first = await join(offer, {}, { quantity: 2 });
    await until(first, 'HELD');
    const waits = await join(offer);
    await change(true);
    await test.api.delete(`/api/bookings/${first.bookingId}`, first.token).expect(200);
    const units = { tickets: { eventId: offer.eventId, quantity: 1 } };
    const theirs = unique('theirs');
    expect(
      await grpc.refused('TicketService/Reserve', { bookingId: theirs, fence: 1, units }, { token: service }),
    ).toMatchObject({ status: 'ABORTED', code: 'OTHERS_FIRST' });
    await change(false);
    await until(waits, 'HELD');
    expect((await tell('Reserve', theirs, 1, units)).state).toBe('RESERVATION_STATE_RESERVED');
  });

  it('are taken once however many tell of them at once, and never more than there are', async () => {
    const offer = await test.api.offer({ capacity: 5 });
    const units = { tickets: { eventId: offer.eventId, quantity: 1 } };
    const bookings = Array.from({ length: 8 }, () => unique('theirs'));
    const told = await Promise.allSettled(
      bookings.flatMap((booking) => [1, 1, 2].map((fence) => tell('Reserve', booking, fence, units))),
    );
    expect(told.filter(({ status: outcome }) => outcome === 'fulfilled')).toHaveLength(15);
    expect(await stock(offer)).toEqual({ capacity: 5, available: 0, held: 5, sold: 0 });
    await Promise.all(bookings.flatMap((booking) => [0, 1].map(() => tell('Release', booking, 2, units))));
    expect((await stock(offer)).available).toBe(5);
  });

  it('are of one offer, also where two are told of them at once', async () => {
    for (let pair = 0; pair < 5; pair++) {
      const offers = [await test.api.offer({ capacity: 5 }), await test.api.offer({ capacity: 5 })];
      const booking = unique('theirs');
      const told = await Promise.allSettled(
        offers.map(({ eventId }) => tell('Reserve', booking, 1, { tickets: { eventId, quantity: 2 } })),
      );
      expect(told.map(({ status: outcome }) => outcome).sort()).toEqual(['fulfilled', 'rejected']);
      const held = (await Promise.all(offers.map(stock))).map((units: Json) => units.held);
      expect(held.sort()).toEqual([0, 2]);
    }
  });

  it('are of the offer that they were first told of, whatever the event has on sale since', async () => {
    const offer = await test.api.offer({ capacity: 5, ticketType: 'standing' });
    const units = { tickets: { eventId: offer.eventId, quantity: 2 } };
    const booking = unique('theirs');
    await tell('Reserve', booking, 1, units);
    await test.api.offer({ eventId: offer.eventId, ticketType: 'seat' });
    await eventually('a second type that is seen', () =>
      grpc
        .refused('TicketService/CheckAvailability', { units }, { token: service })
        .then(({ code }) => (code === 'OFFER_TYPE_REQUIRED' ? true : null))
        .catch(() => null),
    );
    const other = { tickets: { ...units.tickets, ticketType: 'seat' } };
    expect(
      await grpc.refused(
        'TicketService/Release',
        { bookingId: booking, fence: 1, units: other },
        { token: service },
      ),
    ).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    expect((await tell('Release', booking, 1, units)).state).toBe('RESERVATION_STATE_RELEASED');
    expect(await stock(offer)).toMatchObject({ available: 5, held: 0 });
  });

  it('are of nights that exist, and what is wrong is named by its place in the message', async () => {
    for (const [checkIn, checkOut, ...fields] of [
      ['2027-02-31', '2027-03-02', 'units.stay.check_in'],
      ['2027-03-02', '2027-02-31', 'units.stay.check_out'],
      ['2027-03-05', '2027-03-05', 'units.stay.check_out'],
      ['2027-03-05', '2999-12-31', 'units.stay.check_out'],
    ] as const) {
      const units = { stay: { hotelId: 'lakeside', checkIn, checkOut } };
      for (const [method, message, under] of [
        ['TicketService/CheckAvailability', { units }, ''],
        ['TicketService/Reserve', { bookingId: 'theirs', fence: 1, units }, ''],
        ['BookingService/ReserveBooking', { request: { userId: 'guest', units } }, 'request.'],
      ] as const) {
        const refused = await grpc.refused(method, message, { token: service });
        expect(refused).toMatchObject({ status: 'INVALID_ARGUMENT', code: 'VALIDATION_FAILED' });
        const named = refused.details['BadRequest'].fieldViolations.map(({ field }: Json) => field);
        expect(named).toEqual(fields.map((field) => `${under}${field}`));
      }
    }
  });

  it('are nights of a stay as well, all of them or none', async () => {
    const day = (ahead: number): string =>
      new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
    const { body: offer } = await test.api
      .post(
        '/api/offers',
        {
          ...{ hotelId: unique('hotel'), roomType: 'double', checkInTime: '15:00', checkOutTime: '11:00' },
          ...{ title: 'Lakeside', venue: 'Hallstatt', timeZone: 'Europe/Vienna' },
          price: { amountMinor: 12900, currency: 'EUR' },
          nights: [{ from: day(20), to: day(24), capacity: 1 }],
        },
        test.api.operator,
      )
      .expect(201);
    const stay = (from: number, to: number): object => ({
      stay: { hotelId: offer.hotelId, checkIn: day(from), checkOut: day(to), rooms: 1 },
    });
    const nights = async (): Promise<number[]> => {
      const { body } = await test.api
        .get(`/api/offers/${offer.id}/nights?from=${day(20)}&to=${day(24)}`)
        .expect(200);
      return body.nights.map((night: Json) => night.available);
    };
    const booking = unique('theirs');
    await tell('Reserve', booking, 1, stay(21, 23));
    expect(await nights()).toEqual([1, 0, 0, 1, 1]);
    for (const [units, code] of [
      [stay(22, 24), 'SOLD_OUT'],
      [stay(24, 27), 'NIGHT_NOT_ON_SALE'],
    ] as const)
      expect(
        await grpc.refused(
          'TicketService/Reserve',
          { bookingId: unique('theirs'), fence: 1, units },
          { token: service },
        ),
      ).toMatchObject({ code });
    await tell('Release', booking, 1, stay(21, 23));
    expect(await nights()).toEqual([1, 1, 1, 1, 1]);
  });

  it('leave every invariant as it was', async () => {
    expect(await test.api.broken()).toEqual({});
  });
});
