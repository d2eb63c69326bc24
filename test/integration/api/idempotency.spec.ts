import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'supertest';
import { newOffer, startApp, unique, wish, type TestApp } from '../../support/app.js';
import { Watcher } from '../../support/board.js';

jest.setTimeout(60_000);

describe('an Idempotency-Key', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp();
  });
  afterAll(() => test.close());

  const keyed = (asked: Test, key: string): Test => asked.set('Idempotency-Key', key);
  const count = async (table: string, column: string, value: string): Promise<number> => {
    const [row] = await test.ground.sql(
      `select count(*)::int as many from ${table} where ${column}::text = $1`,
      [value],
    );
    return row.many;
  };

  it('makes one booking of 100 identical requests at once, and 100 answers that are equal to the byte', async () => {
    const offer = await test.api.offer({ capacity: 200, limitPerCustomer: 200 });
    const body = wish(offer, { paymentMethod: 'pm_ok', email: 'fan@example.org' });
    const key = unique('key');
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => keyed(test.api.post('/api/bookings', body), key)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await count('booking', 'offer_id', offer.id)).toBe(1);
    const [first] = answers;
    await test.api.until(first?.body, 'confirmed');
    const later = await keyed(test.api.post('/api/bookings', body), key);
    expect({ status: later.status, text: later.text }).toEqual({ status: 202, text: first?.text });
  });

  it('is the same for a body that says the same in other words', async () => {
    const offer = await test.api.offer();
    const { userId, eventId } = wish(offer);
    const key = unique('key');
    const first = await keyed(test.api.post('/api/bookings', { userId, eventId }), key).expect(202);
    const again = await keyed(test.api.post('/api/bookings', { quantity: 1, eventId, userId }), key).expect(
      202,
    );
    expect(again.text).toBe(first.text);
  });

  it('is refused with another body, whatever field differs, and at the same moment too', async () => {
    const offer = await test.api.offer();
    const body = wish(offer, { email: 'a@example.org' });
    const key = unique('key');
    await keyed(test.api.post('/api/bookings', body), key).expect(202);
    const changes = [
      { quantity: 2 },
      { email: 'b@example.org' },
      { paymentMethod: 'pm_ok' },
      { ticketType: 'standing' },
    ];
    for (const change of changes) {
      const { body: problem } = await keyed(
        test.api.post('/api/bookings', { ...body, ...change }),
        key,
      ).expect(422);
      expect(problem.code).toBe('IDEMPOTENCY_KEY_REUSED');
    }
    const fresh = unique('key');
    const other = wish(offer);
    const both = await Promise.all(
      [1, 2].map((quantity) => keyed(test.api.post('/api/bookings', { ...other, quantity }), fresh)),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([202, 422]);
  });

  it("tells nothing of another customer's key", async () => {
    const offer = await test.api.offer();
    const key = unique('key');
    const mine = await keyed(test.api.post('/api/bookings', wish(offer)), key).expect(202);
    const theirs = await keyed(test.api.post('/api/bookings', wish(offer)), key).expect(202);
    expect(theirs.body.bookingId).not.toBe(mine.body.bookingId);
    expect(theirs.body.token).not.toBe(mine.body.token);
  });

  it('is not used up by a refusal', async () => {
    const offer = await test.api.offer();
    const body = wish(offer);
    const key = unique('key');
    const path = `/api/offers/${offer.id}`;
    await test.api.patch(path, { paused: true }, test.api.operator).expect(200);
    await keyed(test.api.post('/api/bookings', body), key).expect(409);
    await test.api.patch(path, { paused: false }, test.api.operator).expect(200);
    await keyed(test.api.post('/api/bookings', { ...body, quantity: 2 }), key).expect(202);
  });

  it.each(['', ' ', 'a b', 'x'.repeat(201)])('is refused when it is %j', async (key) => {
    const { body } = await keyed(test.api.post('/api/bookings', wish(await test.api.offer())), key).expect(
      400,
    );
    expect(body.code).toBe('IDEMPOTENCY_KEY_INVALID');
  });

  it('pays once, however often it is sent, and refuses another card', async () => {
    const accepted = await test.api.book(await test.api.offer());
    await test.api.until(accepted, 'held');
    const path = `/api/bookings/${accepted.bookingId}/payment`;
    const key = unique('key');
    const pay = (paymentMethod: string): Test =>
      keyed(test.api.post(path, { paymentMethod }, accepted.token), key);
    const answers = await Promise.all(Array.from({ length: 20 }, () => pay('pm_ok')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    await test.api.until(accepted, 'confirmed');
    expect((await pay('pm_ok').expect(202)).body.bookingId).toBe(accepted.bookingId);
    expect((await pay('pm_decline').expect(422)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await count('payment_attempt', 'booking_id', accepted.bookingId)).toBe(1);
    expect(await count('sandbox_bank.charges', 'booking_id', accepted.bookingId)).toBe(1);
  });

  it('of a payment that was refused may be sent again with the hold won meanwhile', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const first = await test.api.book(offer);
    await test.api.until(first, 'held');
    const second = await test.api.book(offer);
    const key = unique('key');
    const pay = (): Test =>
      keyed(
        test.api.post(`/api/bookings/${second.bookingId}/payment`, { paymentMethod: 'pm_ok' }, second.token),
        key,
      );
    expect((await pay().expect(409)).body.code).toBe('NOT_HELD');
    await test.api.delete(`/api/bookings/${first.bookingId}`, first.token).expect(200);
    await test.api.until(second, 'held');
    await pay().expect(202);
    await test.api.until(second, 'confirmed');
  });

  it('sent again after the payment pushes no old news to those who watch', async () => {
    const accepted = await test.api.book(await test.api.offer());
    await test.api.until(accepted, 'held');
    const key = unique('key');
    const path = `/api/bookings/${accepted.bookingId}/payment`;
    const pay = (): Test => keyed(test.api.post(path, { paymentMethod: 'pm_ok' }, accepted.token), key);
    await pay().expect(202);
    const confirmed = await test.api.until(accepted, 'confirmed');
    const watcher = await Watcher.connect(test.api.url, accepted.token);
    try {
      expect(await watcher.join(accepted.bookingId)).toMatchObject({ ok: true });
      expect((await pay().expect(202)).body).toMatchObject({
        state: 'confirmed',
        version: confirmed.version,
      });
      await sleep(500);
      expect(watcher.bookings.filter(({ state }) => state !== 'confirmed')).toEqual([]);
    } finally {
      watcher.close();
    }
  });

  it('makes one offer of many requests, and refuses another offer', async () => {
    const body = newOffer();
    const key = unique('key');
    const create = (more = {}): Test =>
      keyed(test.api.post('/api/offers', { ...body, ...more }, test.api.operator), key);
    const answers = await Promise.all(Array.from({ length: 10 }, () => create()));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect((await create({ capacity: 11 }).expect(422)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    const taken = await test.api.post('/api/offers', body, test.api.operator).expect(409);
    expect(taken.body.code).toBe('OFFER_EXISTS');
  });

  it('lets one holder in, and says so again to the door that asks twice', async () => {
    const accepted = await test.api.book(await test.api.offer(), { quantity: 2, paymentMethod: 'pm_ok' });
    const { ticketCodes } = await test.api.until(accepted, 'confirmed');
    const key = unique('key');
    const redeem = (code: string): Test =>
      keyed(test.api.post(`/api/tickets/${code}/redeem`, undefined, test.api.operator), key);
    const [once, twice] = [
      await redeem(ticketCodes[0]).expect(200),
      await redeem(ticketCodes[0]).expect(200),
    ];
    expect(twice.text).toBe(once.text);
    expect((await redeem(ticketCodes[1]).expect(422)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    const bare = await test.api.post(`/api/tickets/${ticketCodes[0]}/redeem`, undefined, test.api.operator);
    expect({ status: bare.status, code: bare.body.code }).toEqual({
      status: 409,
      code: 'TICKET_ALREADY_REDEEMED',
    });
  });
});
