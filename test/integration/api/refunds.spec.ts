import { randomUUID } from 'node:crypto';
import { openApiOf } from '../../../src/api-document.js';
import { eventually, startApp, unique, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

const HOUR_MS = 3_600_000;

describe('giving back what was paid for', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ SMTP_URL: 'smtp://127.0.0.1:1', JOB_ATTEMPTS: '1' });
  });
  afterEach(async () => {
    expect(await test.api.broken()).toEqual({});
  });
  afterAll(() => test.close());

  /** Without an address nothing has to be mailed, and it is confirmed at once. */
  const bought = async (offer: { eventId: string }, more = {}): Promise<Json> => {
    const accepted = await test.api.book(offer, { paymentMethod: 'pm_ok', ...more });
    const { ticketCodes } = await test.api.until(accepted, 'confirmed');
    return { ...accepted, ticketCodes };
  };
  const refund = (booking: { bookingId: string }, body?: object) =>
    test.api.post(`/api/admin/bookings/${booking.bookingId}/refund`, body, test.api.operator);
  const giveBack = (booking: { bookingId: string; token: string }) =>
    test.api.delete(`/api/bookings/${booking.bookingId}`, booking.token);
  const redeem = (code: string) => test.api.post(`/api/tickets/${code}/redeem`, undefined, test.api.operator);
  const stockOf = async (offer: { id: string }): Promise<Json> =>
    (await test.api.get(`/api/offers/${offer.id}`).expect(200)).body.stock;
  const change = (offer: { id: string }, what: object) =>
    test.api.patch(`/api/offers/${offer.id}`, what, test.api.operator);
  const actionsOn = async (booking: { bookingId: string }): Promise<Json[]> => {
    const path = `/api/admin/audit?bookingId=${booking.bookingId}`;
    return (await test.api.get(path, test.api.operator).expect(200)).body.events.reverse();
  };
  const givenBackAtTheBank = (booking: { bookingId: string }): Promise<Json[]> =>
    eventually(`money back for ${booking.bookingId}`, async () => {
      const rows = await test.ground.sql(
        `select r.amount_minor::int as amount from sandbox_bank.refunds r join sandbox_bank.charges c on c.key = r.charge_key
         where c.booking_id = $1`,
        [booking.bookingId],
      );
      return rows.length > 0 ? rows : null;
    });

  describe('by an operator', () => {
    it('gives back the money, the units and the tickets, and the next in line is served', async () => {
      const offer = await test.api.offer({ capacity: 2, maxQuantity: 2 });
      const booking = await bought(offer, { quantity: 2 });
      const { body } = await refund(booking, { reason: 'EVENT_MOVED' }).expect(200);
      expect(body).toEqual({
        bookingId: booking.bookingId,
        offerId: offer.id,
        state: 'refunded',
        reason: 'EVENT_MOVED',
        quantity: 2,
        amount: { amountMinor: 9000, currency: 'EUR' },
        version: expect.any(Number),
      });
      const described = JSON.parse(JSON.stringify(openApiOf(test.app))).components.schemas.RefundedDto;
      expect(Object.keys(body).sort()).toEqual(Object.keys(described.properties).sort());
      expect(await test.api.read(booking)).toMatchObject({
        ...{ state: 'refunded', reason: 'EVENT_MOVED', ticketCodes: [], version: body.version },
      });
      expect(await stockOf(offer)).toEqual({ capacity: 2, available: 2, held: 0, sold: 0 });
      for (const code of booking.ticketCodes) {
        const seen = await test.api.get(`/api/tickets/${code}`).expect(200);
        expect(seen.body).toMatchObject({ valid: false, state: 'revoked' });
        expect((await redeem(code).expect(409)).body.code).toBe('TICKET_REVOKED');
      }
      const pdf = await test.api.get(`/api/bookings/${booking.bookingId}/ticket.pdf`, booking.token);
      expect(pdf.body.code).toBe('TICKET_NOT_READY');
      await test.api.until(await test.api.book(offer, { quantity: 2 }), 'held');
      expect(await givenBackAtTheBank(booking)).toEqual([{ amount: 9000 }]);
    });

    it('serves whoever waits: a smaller wish that was not told that it is sold out', async () => {
      const offer = await test.api.offer({ capacity: 2 });
      const [booking, holder] = [await bought(offer), await test.api.book(offer)];
      await test.api.until(holder, 'held');
      const next = await test.api.book(offer);
      expect(await test.api.read(next)).toMatchObject({ state: 'waiting' });
      await refund(booking).expect(200);
      await test.api.until(next, 'held');
    });

    it('is in the audit log with who and why', async () => {
      const booking = await bought(await test.api.offer());
      await refund(booking).expect(200);
      await givenBackAtTheBank(booking);
      const events = await eventually('the end of the refund', async () => {
        const all = await actionsOn(booking);
        return all.at(-1).action === 'refund.succeeded' ? all.slice(-3) : null;
      });
      expect(events).toMatchObject([
        {
          ...{ action: 'refund', fromState: 'confirmed', toState: 'refunded' },
          ...{ actorKind: 'operator', actorId: 'operator', detail: { reason: 'BY_OPERATOR' } },
        },
        { action: 'refund.open', detail: { reason: 'BY_OPERATOR' } },
        { action: 'refund.succeeded', actorKind: 'system' },
      ]);
    });

    it('happens once, also when 20 operators ask at once', async () => {
      const booking = await bought(await test.api.offer());
      const answers = await Promise.all(Array.from({ length: 20 }, () => refund(booking)));
      const told = answers.map(({ status, body }) => (status === 200 ? 'DONE' : body.code)).sort();
      expect(told).toEqual([...Array<string>(19).fill('ALREADY_SETTLED'), 'DONE'].sort());
      expect(await givenBackAtTheBank(booking)).toHaveLength(1);
    });

    it('under one key is answered as the first time; another body or booking is refused', async () => {
      const offer = await test.api.offer();
      const [booking, other] = [await bought(offer), await bought(offer)];
      const key = unique('key');
      const keyed = (of: Json, body = {}) => refund(of, body).set('Idempotency-Key', key);
      const answers = await Promise.all(Array.from({ length: 10 }, () => keyed(booking)));
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(200);
      expect((await keyed(booking, { force: true }).expect(422)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
      expect((await keyed(other).expect(422)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
      expect(await test.api.read(other)).toMatchObject({ state: 'confirmed' });
    });

    it('is refused for what was not paid for, and for what does not exist', async () => {
      const offer = await test.api.offer({ capacity: 1 });
      const [held, waiting] = [await test.api.book(offer), await test.api.book(offer)];
      await test.api.until(held, 'held');
      for (const booking of [held, waiting]) {
        expect((await refund(booking).expect(409)).body.code).toBe('NOT_PAID');
      }
      await giveBack(waiting).expect(200);
      expect((await refund(waiting).expect(409)).body.code).toBe('ALREADY_SETTLED');
      for (const bookingId of [randomUUID(), 'nonsense']) {
        expect((await refund({ bookingId }).expect(404)).body.code).toBe('BOOKING_NOT_FOUND');
      }
      const sentence = await refund(held, { reason: 'Ann Smith is ill' }).expect(400);
      expect(sentence.body.code).toBe('VALIDATION_FAILED');
    });

    it('of a booking whose fulfilment failed decides its dead letter too', async () => {
      const booking = await test.api.book(await test.api.offer(), {
        ...{ paymentMethod: 'pm_ok', email: 'fan@example.org' },
      });
      const letters = async (state: string): Promise<Json[]> => {
        const path = `/api/admin/dead-letters?state=${state}`;
        const { body } = await test.api.get(path, test.api.operator).expect(200);
        return body.deadLetters.filter((letter: Json) => letter.bookingId === booking.bookingId);
      };
      const letter = await eventually('a dead letter', async () => (await letters('open'))[0] ?? null);
      await refund(booking).expect(200);
      expect(await letters('open')).toEqual([]);
      expect(await letters('discarded')).toMatchObject([{ id: letter.id, resolvedBy: 'operator' }]);
      const late = await test.api.post(
        ...([`/api/admin/dead-letters/${letter.id}/replay`, undefined, test.api.operator] as const),
      );
      expect(late.body.code).toBe('DEAD_LETTER_RESOLVED');
      expect((await actionsOn(booking)).map(({ action }) => action)).toContain('dead_letter.discarded');
      expect(await givenBackAtTheBank(booking)).toEqual([{ amount: 4500 }]);
    });

    it('needs to be forced where a ticket has let somebody in', async () => {
      const booking = await bought(await test.api.offer(), { quantity: 2 });
      const [used, unused] = booking.ticketCodes;
      const { redeemedAt } = (await redeem(used).expect(200)).body;
      const refused = await refund(booking).expect(409);
      expect(refused.body).toMatchObject({ code: 'TICKET_ALREADY_REDEEMED', redeemedAt });
      expect((await redeem(used).expect(409)).body.code).toBe('TICKET_ALREADY_REDEEMED');
      await refund(booking, { force: true }).expect(200);
      const states = [used, unused].map((code) => test.api.get(`/api/tickets/${code}`).expect(200));
      expect((await Promise.all(states)).map(({ body }) => body)).toMatchObject([
        { state: 'revoked', valid: false, redeemedAt },
        { state: 'revoked', valid: false, redeemedAt: null },
      ]);
      expect((await redeem(used).expect(409)).body).toMatchObject({ code: 'TICKET_REVOKED' });
    });
  });

  describe('by the customer', () => {
    const refundable = { cancellation: { refundable: true } };

    it('is not possible unless the offer says so, and the refusal tells the terms', async () => {
      const offer = await test.api.offer();
      expect(offer.cancellation).toEqual({ refundable: false, untilHoursBeforeStart: null });
      const booking = await bought(offer);
      expect((await giveBack(booking).expect(409)).body).toMatchObject({
        ...{ code: 'NOT_REFUNDABLE', refundable: false, untilHoursBeforeStart: null, refundableUntil: null },
        serverTime: expect.any(String),
      });
      expect(await test.api.read(booking)).toMatchObject({ state: 'confirmed' });
    });

    it('gives everything back where the terms allow it, and the next in line is served', async () => {
      const offer = await test.api.offer({ capacity: 1, ...refundable });
      expect(offer.cancellation).toEqual({ refundable: true, untilHoursBeforeStart: 0 });
      const booking = await bought(offer);
      const { body } = await giveBack(booking).expect(200);
      expect(body).toMatchObject({ state: 'refunded', reason: 'BY_CUSTOMER', ticketCodes: [] });
      expect(await givenBackAtTheBank(booking)).toEqual([{ amount: 4500 }]);
      await test.api.until(await test.api.book(offer), 'held');
      expect((await giveBack(booking).expect(409)).body.code).toBe('ALREADY_SETTLED');
      expect((await actionsOn(booking)).find(({ action }) => action === 'refund')).toMatchObject({
        ...{ actorKind: 'customer', detail: { reason: 'BY_CUSTOMER' } },
      });
    });

    it('goes by the terms of the acceptance, whatever the offer says later', async () => {
      const offer = await test.api.offer(refundable);
      const early = [await bought(offer), await bought(offer)] as const;
      const stricter = await change(offer, { cancellation: { refundable: false } }).expect(200);
      expect(stricter.body.cancellation).toEqual({ refundable: false, untilHoursBeforeStart: null });
      const late = await bought(offer);
      await giveBack(early[0]).expect(200);
      expect((await giveBack(late).expect(409)).body.code).toBe('NOT_REFUNDABLE');
      await change(offer, { cancellation: { refundable: true, untilHoursBeforeStart: 1 } }).expect(200);
      // What was agreed without a refund stays so; what was agreed with one does too.
      expect((await giveBack(late).expect(409)).body.code).toBe('NOT_REFUNDABLE');
      await giveBack(early[1]).expect(200);
    });

    it('ends so many hours before the start', async () => {
      const startsAt = new Date(Date.now() + 10 * HOUR_MS).toISOString();
      const of = (untilHoursBeforeStart: number) =>
        test.api.offer({ startsAt, cancellation: { refundable: true, untilHoursBeforeStart } });
      const [over, open] = [await bought(await of(11)), await bought(await of(9))];
      expect((await giveBack(over).expect(409)).body).toMatchObject({
        ...{ code: 'NOT_REFUNDABLE', refundable: true, untilHoursBeforeStart: 11 },
        refundableUntil: new Date(Date.parse(startsAt) - 11 * HOUR_MS).toISOString(),
      });
      await giveBack(open).expect(200);
    });

    it('ends with the first ticket that is used', async () => {
      const booking = await bought(await test.api.offer(refundable), { quantity: 2 });
      await redeem(booking.ticketCodes[1]).expect(200);
      expect((await giveBack(booking).expect(409)).body.code).toBe('TICKET_ALREADY_REDEEMED');
      expect(await test.api.read(booking)).toMatchObject({ state: 'confirmed' });
    });

    it('never meets a scan half-way: either the ticket is used or the money goes back', async () => {
      const offer = await test.api.offer({ capacity: 100, limitPerCustomer: 100, ...refundable });
      const bookings = await Promise.all(Array.from({ length: 20 }, () => bought(offer)));
      const ends = await Promise.all(
        bookings.map(async (booking) => {
          const [scan, back] = await Promise.all([redeem(booking.ticketCodes[0]), giveBack(booking)]);
          return `${scan.status === 200 ? 'in' : scan.body.code} ${back.status === 200 ? 'back' : back.body.code}`;
        }),
      );
      for (const end of ends) {
        expect(['in TICKET_ALREADY_REDEEMED', 'TICKET_REVOKED back']).toContain(end);
      }
    });
  });
});
