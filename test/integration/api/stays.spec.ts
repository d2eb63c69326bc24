import { newOffer, startApp, unique, type TestApp } from '../../support/app.js';
import { dayFromNow, night } from '../../support/stays.js';

type Fields = Readonly<Record<string, unknown>>;

describe('Hotel stays over the API', () => {
  let test: TestApp;
  beforeAll(async () => void (test = await startApp({ BOOKING_TIMEOUT_SECONDS: '2' })));
  afterEach(async () => expect(await test.api.broken()).toEqual({}));
  afterAll(() => test.close());

  const rooms = (more: Fields = {}): Fields => ({
    hotelId: unique('hotel'),
    roomType: 'double',
    title: 'Lakeside',
    venue: 'Shore 1',
    timeZone: 'Europe/Vienna',
    price: { amountMinor: 9900, currency: 'EUR' },
    nights: [{ from: night(1), to: night(10), capacity: 1 }],
    ...more,
  });
  const open = async (more: Fields = {}) =>
    (await test.api.post('/api/offers', rooms(more), test.api.operator).expect(201)).body;
  const stay = (
    { hotelId }: { hotelId: string },
    first: number,
    last: number,
    more: Fields = {},
  ): Fields => ({
    userId: unique('guest'),
    hotelId,
    checkIn: night(first),
    checkOut: night(last + 1),
    ...more,
  });
  const book = async (offer: { hotelId: string }, first: number, last: number, more: Fields = {}) =>
    (await test.api.post('/api/bookings', stay(offer, first, last, more)).expect(202)).body;
  const refusal = async (body: Fields) => {
    const { status, body: problem } = await test.api.post('/api/bookings', body);
    return [status, problem.code];
  };

  it('puts rooms on sale by night and tells what each night has', async () => {
    const offer = await open({
      nights: [
        { from: night(1), to: night(3), capacity: 4 },
        { from: night(2), to: night(2), capacity: 0 },
      ],
    });
    expect(offer).toMatchObject({
      kind: 'room',
      roomType: 'double',
      checkInTime: '15:00',
      checkOutTime: '11:00',
      minNights: 1,
      maxNights: 30,
      firstNight: night(1),
      lastNight: night(3),
    });
    const { body } = await test.api
      .get(`/api/offers/${offer.id}/nights?from=${night(1)}&to=${night(9)}`)
      .expect(200);
    expect(body.nights).toEqual([
      { night: night(1), capacity: 4, available: 4, held: 0, sold: 0 },
      { night: night(2), capacity: 0, available: 0, held: 0, sold: 0 },
      { night: night(3), capacity: 4, available: 4, held: 0, sold: 0 },
    ]);
    expect((await test.api.get(`/api/offers/${offer.id}`).expect(200)).body).toEqual(offer);
    const listed = (await test.api.get('/api/offers?limit=200').expect(200)).body.offers;
    expect(listed.map(({ id }: { id: string }) => id)).toContain(offer.id);
  });

  it('charges a method given up front as soon as all nights are held, and hands out a voucher', async () => {
    const offer = await open();
    const booked = await book(offer, 2, 4, { paymentMethod: 'pm_ok', email: 'guest@example.org' });
    expect(booked).toMatchObject({ state: 'waiting', position: 1, offerId: offer.id });
    const confirmed = await test.api.until(booked, 'confirmed');
    expect(confirmed).toMatchObject({
      stay: { checkIn: night(2), checkOut: night(5) },
      price: { amountMinor: 29700, currency: 'EUR' },
    });
    const { body: pdf } = await test.api
      .get(`/api/bookings/${booked.bookingId}/ticket.pdf`, booked.token)
      .expect(200)
      .expect('content-type', 'application/pdf');
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    const { body } = await test.api.get(`/api/offers/${offer.id}/nights?from=${night(1)}&to=${night(5)}`);
    expect(body.nights.map(({ sold }: { sold: number }) => sold)).toEqual([0, 1, 1, 1, 0]);
    const mail = await test.ground.mail('ticket', booked.bookingId);
    expect(mail.attachments.map(({ filename }) => filename)).toEqual([`voucher-${booked.bookingId}.pdf`]);
    expect(mail.text).toContain('1 room (double) is yours for 3 nights, paid with €297.00.');
    const { body: voucher } = await test.api.get(`/api/tickets/${confirmed.ticketCodes[0]}`).expect(200);
    expect(voucher).toEqual({
      code: confirmed.ticketCodes[0],
      valid: true,
      state: 'issued',
      number: 1,
      quantity: 1,
      kind: 'room',
      title: 'Lakeside',
      roomType: 'double',
      stay: { checkIn: night(2), checkOut: night(5) },
      startsAt: confirmed.stay.begins,
      redeemedAt: null,
    });
  });

  it('checks the guests of each room in once, by the voucher of that room', async () => {
    const offer = await open({ nights: [{ from: night(1), to: night(2), capacity: 2 }] });
    const booked = await book(offer, 1, 2, { rooms: 2, paymentMethod: 'pm_ok' });
    const [one, other] = (await test.api.until(booked, 'confirmed')).ticketCodes;
    const redeem = (code: string) =>
      test.api.post(`/api/tickets/${code}/redeem`, undefined, test.api.operator);
    expect((await redeem(one).expect(200)).body).toMatchObject({
      ...{ kind: 'room', state: 'redeemed', valid: false, quantity: 2 },
      stay: { checkIn: night(1), checkOut: night(3) },
    });
    expect((await redeem(one).expect(409)).body.code).toBe('TICKET_ALREADY_REDEEMED');
    expect((await test.api.get(`/api/tickets/${other}`).expect(200)).body.valid).toBe(true);
  });

  it('gives every night back with a refund: by its terms until so many hours before the check-in', async () => {
    const terms = (untilHoursBeforeStart: number) => ({
      cancellation: { refundable: true, untilHoursBeforeStart },
    });
    const leave = ({ bookingId, token }: { bookingId: string; token: string }) =>
      test.api.delete(`/api/bookings/${bookingId}`, token);
    const offer = await open(terms(24));
    const bought = async (first: number, last: number) => {
      const booked = await book(offer, first, last, { paymentMethod: 'pm_ok' });
      await test.api.until(booked, 'confirmed');
      return booked;
    };
    const [far, near] = [await bought(5, 7), await bought(1, 2)];
    expect(await refusal(stay(offer, 6, 8))).toEqual([409, 'SOLD_OUT']);
    expect((await leave(far).expect(200)).body).toMatchObject({ state: 'refunded', reason: 'BY_CUSTOMER' });
    await test.api.until(await book(offer, 4, 8), 'held');
    const stricter = terms(24 * 30);
    await test.api.patch(`/api/offers/${offer.id}`, stricter, test.api.operator).expect(200);
    const late = await bought(9, 10);
    const refused = await leave(late).expect(409);
    expect(refused.body).toMatchObject({ code: 'NOT_REFUNDABLE', untilHoursBeforeStart: 24 * 30 });
    const path = `/api/admin/bookings/${near.bookingId}/refund`;
    expect((await test.api.post(path, undefined, test.api.operator).expect(200)).body).toMatchObject({
      ...{ state: 'refunded', amount: { amountMinor: 19_800, currency: 'EUR' } },
    });
    const { body } = await test.api.get(`/api/offers/${offer.id}/nights?from=${night(1)}&to=${night(3)}`);
    expect(body.nights.map(({ available }: { available: number }) => available)).toEqual([1, 1, 1]);
  });

  it('lets stays wait for one another only where they share a night, and gives free nights to the next in line', async () => {
    const offer = await open();
    const first = await book(offer, 1, 3);
    await test.api.until(first, 'held');
    const [second, apart, third] = [
      await book(offer, 3, 5),
      await book(offer, 6, 7),
      await book(offer, 5, 5),
    ];
    expect([second.position, apart.position, third.position]).toEqual([1, 1, 2]);
    await test.api.until(apart, 'held');
    await test.api.until(third, 'held');
    expect((await test.api.read(second)).state).toBe('waiting');
    await test.api.delete(`/api/bookings/${first.bookingId}`, first.token).expect(200);
    await test.api.delete(`/api/bookings/${third.bookingId}`, third.token).expect(200);
    await test.api.until(second, 'held');
  });

  it('tells everybody at once whose night is sold for good, and nobody else', async () => {
    const offer = await open();
    const sold = await book(offer, 4, 5, { paymentMethod: 'pm_ok' });
    const needs = await book(offer, 1, 4, { email: 'late@example.org' });
    const free = await book(offer, 6, 6);
    await test.api.until(sold, 'confirmed');
    await test.api.until(needs, 'sold_out');
    await test.ground.mail('sold-out', needs.bookingId);
    expect(await refusal(stay(offer, 5, 6))).toEqual([409, 'SOLD_OUT']);
    await test.api.until(free, 'held');
  });

  it('refuses what can be no stay, with a stable code for each reason', async () => {
    const offer = await open({ minNights: 2, maxNights: 4, maxQuantity: 2, limitPerCustomer: 2 });
    const from = (checkIn: string, checkOut: string) => ({
      userId: 'guest',
      hotelId: offer.hotelId,
      checkIn,
      checkOut,
    });
    expect(await refusal(from(dayFromNow(-2), dayFromNow(1)))).toEqual([409, 'CHECK_IN_PAST']);
    expect(await refusal(from(dayFromNow(370), dayFromNow(373)))).toEqual([409, 'TOO_FAR_AHEAD']);
    expect(await refusal(stay(offer, 1, 1))).toEqual([409, 'STAY_TOO_SHORT']);
    expect(await refusal(stay(offer, 1, 5))).toEqual([409, 'STAY_TOO_LONG']);
    expect(await refusal(stay(offer, 10, 11))).toEqual([409, 'NIGHT_NOT_ON_SALE']);
    expect(await refusal(stay(offer, 1, 2, { rooms: 2 }))).toEqual([409, 'SOLD_OUT']);
    expect(await refusal(stay(offer, 1, 2, { rooms: 3 }))).toEqual([409, 'LIMIT_PER_CUSTOMER']);
    expect(await refusal(from(night(2), night(2)))).toEqual([400, 'VALIDATION_FAILED']);
    expect(await refusal(from('2027-02-30', '2027-03-02'))).toEqual([400, 'VALIDATION_FAILED']);
    expect(await refusal({ ...stay(offer, 1, 2), eventId: 'event' })).toEqual([400, 'VALIDATION_FAILED']);
    expect(await refusal({ ...stay(offer, 1, 2), hotelId: 'nowhere' })).toEqual([404, 'OFFER_NOT_FOUND']);
  });

  it('needs the room type where a hotel has several, and names them', async () => {
    const double = await open();
    await open({ hotelId: double.hotelId, roomType: 'single' });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const { status, body } = await test.api.post('/api/bookings', stay(double, 1, 1));
    expect([status, body.code, body.roomTypes]).toEqual([400, 'OFFER_TYPE_REQUIRED', ['double', 'single']]);
    await book(double, 1, 1, { roomType: 'single' });
  });

  it('answers a repeated request as the first time, and refuses its key for another stay', async () => {
    const offer = await open();
    const ask = (body: Fields) => test.api.post('/api/bookings', body).set('Idempotency-Key', 'once');
    const body = stay(offer, 1, 2);
    const { body: first } = await ask(body).expect(202);
    expect((await ask(body).expect(202)).body).toEqual(first);
    expect((await ask({ ...body, checkOut: night(5) }).expect(422)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('lets operators change nights, never below what is held or sold, and audits each change', async () => {
    const offer = await open();
    const change = (body: Fields) => test.api.patch(`/api/offers/${offer.id}`, body, test.api.operator);
    const held = await book(offer, 1, 2);
    const waits = await book(offer, 2, 3);
    await test.api.until(held, 'held');
    const { body: refused } = await change({
      nights: [{ from: night(1), to: night(3), capacity: 0 }],
    }).expect(409);
    expect(refused).toMatchObject({ code: 'CAPACITY_BELOW_SOLD', night: night(1), least: 1 });
    await change({ nights: [{ from: night(2), to: night(2), capacity: 2 }], maxNights: 5 }).expect(200);
    await test.api.until(waits, 'held');
    expect((await change({ capacity: 3 }).expect(400)).body.code).toBe('OFFER_INVALID');
    expect((await change({ minNights: 6 }).expect(400)).body.code).toBe('OFFER_INVALID');
    expect(
      (await change({ nights: [{ from: night(3), to: night(1), capacity: 1 }] }).expect(400)).body.code,
    ).toBe('VALIDATION_FAILED');
    const tickets = (await test.api.post('/api/offers', newOffer(), test.api.operator).expect(201)).body;
    const wrong = await test.api.patch(
      `/api/offers/${tickets.id}`,
      { nights: [{ from: night(1), to: night(1), capacity: 1 }] },
      test.api.operator,
    );
    expect([wrong.status, wrong.body.code]).toEqual([400, 'OFFER_INVALID']);
    const { body: audit } = await test.api
      .get(`/api/admin/audit?offerId=${offer.id}`, test.api.operator)
      .expect(200);
    const changes = audit.events.filter(({ action }: { action: string }) => action === 'offer.change');
    expect(changes).toHaveLength(1);
    expect(changes[0].detail).toMatchObject({ nights: [[night(2), 1]], maxNights: 5 });
  });

  it('is paused and resumed like any other', async () => {
    const offer = await open();
    await test.api.patch(`/api/offers/${offer.id}`, { paused: true }, test.api.operator).expect(200);
    expect(await refusal(stay(offer, 1, 1))).toEqual([409, 'OFFER_PAUSED']);
    await test.api.patch(`/api/offers/${offer.id}`, { paused: false }, test.api.operator).expect(200);
    await test.api.until(await book(offer, 1, 1), 'held');
  });
});
