import { setTimeout as sleep } from 'node:timers/promises';
import { newOffer, startApp, unique, wish, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe('joining a line', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ QUEUE_MAX_LENGTH: '3', PUBLIC_URL: 'https://tickets.example.org' });
  });
  afterAll(() => test.close());

  /** An offer that grants nothing, so that whoever joins waits. */
  const closedDoor = async (more: Readonly<Record<string, unknown>> = {}) =>
    test.api.offer({ capacity: 1, ...more });
  const refusal = async (offer: { eventId: string }, more: Readonly<Record<string, unknown>> = {}) => {
    const { status, body, headers } = await test.api.post('/api/bookings', wish(offer, more));
    return { status, code: body.code, body, headers };
  };

  it('is answered with the place in it, an own token and the way to everything else', async () => {
    const offer = await test.api.offer();
    const { status, body, headers } = await test.api.post('/api/bookings', wish(offer));
    expect(status).toBe(202);
    expect(headers['content-type']).toMatch(/^application\/json/);
    const self = `https://tickets.example.org/api/bookings/${body.bookingId}`;
    expect(body).toEqual({
      bookingId: expect.stringMatching(UUID),
      jobId: `fulfil-${body.bookingId}`,
      offerId: offer.id,
      seq: 1,
      state: 'waiting',
      position: 1,
      estimatedWaitSeconds: expect.any(Number),
      version: expect.any(Number),
      token: expect.stringMatching(/^bt_/),
      links: { self, payment: `${self}/payment`, ticket: `${self}/ticket.pdf` },
    });
  });

  it('is first come, first served: whoever asks after another was answered has a larger number', async () => {
    const offer = await test.api.offer({ capacity: 50 });
    const seqs: number[] = [];
    for (let n = 0; n < 5; n++) seqs.push((await test.api.book(offer)).seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5]);
  });

  it('needs the type where an event has several, and names them', async () => {
    const seated = await test.api.offer({ ticketType: 'seated' });
    const { status, body } = await test.api.post(
      '/api/offers',
      newOffer({ eventId: seated.eventId, ticketType: 'standing' }),
      test.api.operator,
    );
    expect(status).toBe(201);
    // The event was known with one type until now.
    await sleep(1100);
    expect(await refusal(seated)).toMatchObject({
      status: 400,
      code: 'OFFER_TYPE_REQUIRED',
      body: { ticketTypes: ['seated', 'standing'] },
    });
    const accepted = await test.api.book(seated, { ticketType: 'standing' });
    expect(accepted.offerId).toBe(body.id);
    expect(await refusal(seated, { ticketType: 'flying' })).toMatchObject({ code: 'OFFER_NOT_FOUND' });
    expect(await refusal({ eventId: 'nowhere' })).toMatchObject({ status: 404, code: 'OFFER_NOT_FOUND' });
  });

  it('is refused before the sale opens, with the time of opening and the time of the server', async () => {
    const opensAt = '2998-01-01T09:00:00.000Z';
    const before = Date.now();
    const { status, code, body } = await refusal(await test.api.offer({ opensAt }));
    expect({ status, code, opensAt: body.opensAt }).toEqual({ status: 425, code: 'OFFER_NOT_OPEN', opensAt });
    expect(Math.abs(Date.parse(body.serverTime) - before)).toBeLessThan(60_000);
  });

  it('is refused from the closing time on, and once the event has begun', async () => {
    const closed = await test.api.offer({ closesAt: '2020-01-01T00:00:00Z' });
    expect(await refusal(closed)).toMatchObject({ status: 409, code: 'OFFER_CLOSED' });
    const begun = await test.api.offer({ startsAt: '2020-01-01T00:00:00Z' });
    expect(await refusal(begun)).toMatchObject({ status: 409, code: 'OFFER_CLOSED' });
  });

  it('is refused while the sale is paused, and goes on afterwards', async () => {
    const offer = await test.api.offer();
    const path = `/api/offers/${offer.id}`;
    await test.api.patch(path, { paused: true }, test.api.operator).expect(200);
    expect(await refusal(offer)).toMatchObject({ status: 409, code: 'OFFER_PAUSED' });
    await test.api.patch(path, { paused: false }, test.api.operator).expect(200);
    await test.api.book(offer);
  });

  it('is refused when everything is sold for good, at once', async () => {
    const offer = await test.api.offer({ capacity: 2 });
    await test.api.until(await test.api.book(offer, { quantity: 2, paymentMethod: 'pm_ok' }), 'confirmed');
    expect(await refusal(offer)).toMatchObject({ status: 409, code: 'SOLD_OUT' });
    const none = await test.api.offer({ capacity: 0 });
    expect(await refusal(none)).toMatchObject({ status: 409, code: 'SOLD_OUT' });
  });

  it('is limited per customer, also where 20 requests come at once', async () => {
    const offer = await test.api.offer({ limitPerCustomer: 3, maxQuantity: 3, capacity: 100 });
    const userId = unique('fan');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => test.api.post('/api/bookings', wish(offer, { userId }))),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
    const refused = answers.filter(({ status }) => status !== 202);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.code} ${body.limit}`))).toEqual(
      new Set(['409 LIMIT_PER_CUSTOMER 3']),
    );
    expect(await refusal(offer, { quantity: 4 })).toMatchObject({ status: 409, code: 'LIMIT_PER_CUSTOMER' });
  });

  it('counts for the limit only what a customer has or waits for', async () => {
    const offer = await test.api.offer({ limitPerCustomer: 1 });
    const userId = unique('fan');
    const first = await test.api.book(offer, { userId });
    expect(await refusal(offer, { userId })).toMatchObject({ code: 'LIMIT_PER_CUSTOMER' });
    await test.api.delete(`/api/bookings/${first.bookingId}`, first.token).expect(200);
    await test.api.book(offer, { userId });
  });

  it('is refused while the line is full, with the time to come again, and accepts nothing by half', async () => {
    const offer = await closedDoor();
    const held = await test.api.book(offer);
    await test.api.until(held, 'held');
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => test.api.post('/api/bookings', wish(offer))),
    );
    const full = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
    expect(full).toHaveLength(5);
    for (const { body, headers } of full) {
      expect(body.code).toBe('LINE_FULL');
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
    const [{ count }] = await test.ground.sql('select count(*)::int from booking where offer_id = $1', [
      offer.id,
    ]);
    expect(count).toBe(4);
    expect((await test.api.get(`/api/offers/${offer.id}`).expect(200)).body.waiting).toBe(3);
  });

  it('shows a position that falls as those in front leave', async () => {
    const offer = await closedDoor();
    await test.api.until(await test.api.book(offer), 'held');
    const first = await test.api.book(offer);
    const second = await test.api.book(offer);
    expect([first.position, second.position]).toEqual([1, 2]);
    expect(await test.api.read(second)).toMatchObject({ state: 'waiting', position: 2 });
    const left = await test.api.delete(`/api/bookings/${first.bookingId}`, first.token).expect(200);
    const path = `/api/bookings/${second.bookingId}?version=${left.body.version}`;
    const { body } = await test.api.get(path, second.token).expect(200);
    expect(body).toMatchObject({ state: 'waiting', position: 1 });
    expect(body.version).toBeGreaterThanOrEqual(left.body.version);
  });

  it('never shows an older version than the client has seen, nor waits for one that never comes', async () => {
    const offer = await closedDoor();
    await test.api.until(await test.api.book(offer), 'held');
    const waiting = await test.api.book(offer);
    const path = `/api/bookings/${waiting.bookingId}?version=999999999999999`;
    const { body } = await test.api.get(path, waiting.token).expect(200);
    expect(body).toMatchObject({ state: 'waiting', position: 1 });
  });
});

describe('a house that cannot keep up', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ ACCEPT_MAX_PENDING: '2', ACCEPT_MAX_BATCH: '1' });
  });
  afterAll(() => test.close());

  it('refuses with OVERLOADED and the time to come again, and accepts nothing of what it refused', async () => {
    const offer = await test.api.offer({ capacity: 1000 });
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => test.api.post('/api/bookings', wish(offer))),
    );
    const refused = answers.filter(({ status }) => status !== 202);
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, body, headers } of refused) {
      expect({ status, code: body.code, retry: headers['retry-after'] }).toEqual({
        status: 503,
        code: 'OVERLOADED',
        retry: '1',
      });
    }
    const [{ count }] = await test.ground.sql('select count(*)::int from booking');
    expect(count).toBe(answers.length - refused.length);
  });
});
