import { newOffer, startApp, unique, wish, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

const inHours = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();

describe('an offer that an operator changes', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp();
  });
  afterEach(async () => {
    expect(await test.api.broken()).toEqual({});
  });
  afterAll(() => test.close());

  const change = (offer: { id: string }, what: object) =>
    test.api.patch(`/api/offers/${offer.id}`, what, test.api.operator);
  const bookingCode = async (offer: { eventId: string }, more = {}): Promise<string> => {
    const { status, body } = await test.api.post('/api/bookings', wish(offer, more));
    return status === 202 ? 'ACCEPTED' : body.code;
  };
  const changesOf = async (offer: { id: string }): Promise<Json[]> => {
    const { body } = await test.api
      .get(`/api/admin/audit?offerId=${offer.id}`, test.api.operator)
      .expect(200);
    return body.events.filter(({ action }: Json) => action === 'offer.change').reverse();
  };

  it('is in the audit log with what was, what is and who changed it, and with nothing else', async () => {
    const offer = await test.api.offer({ capacity: 10, closesAt: '2998-01-01T00:00:00Z' });
    const what = {
      ...{ capacity: 8, price: { amountMinor: 5000, currency: 'EUR' }, limitPerCustomer: 3, holdSeconds: 30 },
      ...{ closesAt: null, paused: true, cancellation: { refundable: true, untilHoursBeforeStart: 24 } },
    };
    await change(offer, what).expect(200);
    await change(offer, { paused: false }).expect(200);
    expect(await changesOf(offer)).toMatchObject([
      {
        ...{ actorKind: 'operator', actorId: 'operator', bookingId: null },
        detail: {
          ...what,
          before: {
            ...{ capacity: 10, price: { amountMinor: 4500, currency: 'EUR' }, limitPerCustomer: 10 },
            ...{ holdSeconds: 120, closesAt: '2998-01-01T00:00:00.000Z', paused: false },
            cancellation: { refundable: false, untilHoursBeforeStart: null },
          },
        },
      },
      { detail: { paused: false, before: { paused: true } } },
    ]);
    const [first] = await changesOf(offer);
    expect(Object.keys(first.detail.before).sort()).toEqual(Object.keys(what).sort());
  });

  it('is sold at the new price from then on; what was accepted before is paid at the old one', async () => {
    const offer = await test.api.offer();
    const early = await test.api.book(offer);
    await change(offer, { price: { amountMinor: 99_900, currency: 'EUR' } }).expect(200);
    const late = await test.api.book(offer);
    for (const [booking, amountMinor] of [
      [early, 4500],
      [late, 99_900],
    ] as const) {
      await test.api.until(booking, 'held');
      const path = `/api/bookings/${booking.bookingId}/payment`;
      await test.api.post(path, { paymentMethod: 'pm_ok' }, booking.token).expect(202);
      await test.api.until(booking, 'confirmed');
      const charges = await test.ground.sql(
        'select amount_minor::int as amount from sandbox_bank.charges where booking_id = $1',
        [booking.bookingId],
      );
      expect(charges).toEqual([{ amount: amountMinor }]);
    }
  });

  it('never has less capacity than is held and sold; what can be taken away is', async () => {
    const offer = await test.api.offer({ capacity: 5 });
    const bought = await test.api.book(offer, { quantity: 2, paymentMethod: 'pm_ok' });
    await test.api.until(bought, 'confirmed');
    await test.api.until(await test.api.book(offer), 'held');
    expect((await change(offer, { capacity: 2 }).expect(409)).body).toMatchObject({
      ...{ code: 'CAPACITY_BELOW_SOLD', least: 3 },
    });
    const { body } = await change(offer, { capacity: 3 }).expect(200);
    expect(body.stock).toEqual({ capacity: 3, available: 0, held: 1, sold: 2 });
  });

  it('gives more capacity to those who wait already', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    await test.api.until(await test.api.book(offer), 'held');
    const next = await test.api.book(offer);
    await change(offer, { capacity: 2 }).expect(200);
    await test.api.until(next, 'held');
  });

  it('gives later holds another time to pay, and leaves the holds that are', async () => {
    const offer = await test.api.offer({ holdSeconds: 600 });
    const early = await test.api.until(await test.api.book(offer), 'held');
    await change(offer, { holdSeconds: 60 }).expect(200);
    const late = await test.api.until(await test.api.book(offer), 'held');
    const leftOf = ({ deadline, serverTime }: Json): number =>
      (Date.parse(deadline) - Date.parse(serverTime)) / 1000;
    expect(leftOf(early)).toBeGreaterThan(500);
    expect(leftOf(late)).toBeLessThanOrEqual(60);
    expect((await test.api.read({ ...early, token: test.api.operator })).deadline).toBe(early.deadline);
  });

  it('applies a smaller limit to what comes, and takes nothing away', async () => {
    const offer = await test.api.offer({ limitPerCustomer: 4 });
    const userId = unique('fan');
    const booking = await test.api.book(offer, { userId, quantity: 3 });
    await test.api.until(booking, 'held');
    await change(offer, { limitPerCustomer: 2 }).expect(200);
    expect(await bookingCode(offer, { userId })).toBe('LIMIT_PER_CUSTOMER');
    expect(await bookingCode(offer, { quantity: 2 })).toBe('ACCEPTED');
    expect(await bookingCode(offer, { quantity: 3 })).toBe('LIMIT_PER_CUSTOMER');
    expect((await test.api.read(booking)).state).toBe('held');
    await change(offer, { limitPerCustomer: 4 }).expect(200);
    expect(await bookingCode(offer, { userId })).toBe('ACCEPTED');
  });

  it('opens and closes when it is told to', async () => {
    const offer = await test.api.offer();
    const opensAt = inHours(1);
    await change(offer, { opensAt }).expect(200);
    const early = await test.api.post('/api/bookings', wish(offer)).expect(425);
    expect(early.body).toMatchObject({ code: 'OFFER_NOT_OPEN', opensAt });
    await change(offer, { opensAt: null }).expect(200);
    expect(await bookingCode(offer)).toBe('ACCEPTED');
    await change(offer, { closesAt: inHours(-1) }).expect(200);
    expect(await bookingCode(offer)).toBe('OFFER_CLOSED');
    await change(offer, { closesAt: inHours(1) }).expect(200);
    expect(await bookingCode(offer)).toBe('ACCEPTED');
  });

  it('takes nobody while it is paused, and everybody again when it goes on', async () => {
    const offer = await test.api.offer();
    await change(offer, { paused: true }).expect(200);
    expect(await bookingCode(offer)).toBe('OFFER_PAUSED');
    await change(offer, { paused: false }).expect(200);
    expect(await bookingCode(offer)).toBe('ACCEPTED');
  });

  it('is never left with terms that contradict one another, whether they come together or one by one', async () => {
    const offer = await test.api.offer({ opensAt: inHours(2), closesAt: inHours(4) });
    const contradictions: [object, string][] = [
      [{ opensAt: inHours(5) }, 'CLOSES_BEFORE_IT_OPENS'],
      [{ closesAt: inHours(1) }, 'CLOSES_BEFORE_IT_OPENS'],
      [{ closesAt: offer.opensAt }, 'CLOSES_BEFORE_IT_OPENS'],
      [{ opensAt: '2999-06-19T18:00:00Z', closesAt: null }, 'OPENS_AFTER_THE_START'],
      [{ cancellation: { refundable: false, untilHoursBeforeStart: 1 } }, 'HOURS_WITHOUT_REFUND'],
    ];
    for (const [what, problem] of contradictions) {
      const seen = [
        await change(offer, what),
        await test.api.post('/api/offers', newOffer({ ...times(offer), ...what }), test.api.operator),
      ];
      for (const { status, body } of seen) {
        expect({ what, status, code: body.code, problem: body.problem }).toEqual({
          ...{ what, status: 400, code: 'OFFER_INVALID', problem },
        });
      }
    }
    expect((await test.api.get(`/api/offers/${offer.id}`).expect(200)).body).toEqual(offer);
    expect(await changesOf(offer)).toEqual([]);
    await change(offer, { opensAt: inHours(5), closesAt: inHours(6) }).expect(200);
  });

  it('refuses what is no value at all, field by field', async () => {
    const offer = await test.api.offer();
    const bad = [
      ...[{ limitPerCustomer: 0 }, { maxQuantity: 0 }, { holdSeconds: 0 }, { capacity: -1 }],
      ...[
        { price: { amountMinor: 0, currency: 'EUR' } },
        { price: null },
        { paused: null },
        { capacity: 1.5 },
      ],
      ...[{ closesAt: 'tomorrow' }, { startsAt: inHours(1) }, { cancellation: null }, { cancellation: {} }],
      ...[{ cancellation: { refundable: true, untilHoursBeforeStart: -1 } }, { timeZone: 'UTC' }],
    ];
    for (const what of bad) {
      const { status, body } = await change(offer, what);
      expect({ what, status, code: body.code }).toEqual({ what, status: 400, code: 'VALIDATION_FAILED' });
    }
  });

  it('keeps every change of operators who change it at once, each audited against the one before it', async () => {
    const offer = await test.api.offer({ capacity: 0, limitPerCustomer: 1 });
    const capacities = Array.from({ length: 25 }, (_, n) => n + 1);
    const answers = await Promise.all([
      ...capacities.map((capacity) => change(offer, { capacity })),
      ...capacities.map((limitPerCustomer) => change(offer, { limitPerCustomer })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(50).fill(200));
    const changes = await changesOf(offer);
    expect(changes).toHaveLength(50);
    const byVersion = changes.sort((one, other) => one.version - other.version);
    let [capacity, limitPerCustomer] = [0, 1];
    for (const { detail } of byVersion) {
      const before = 'capacity' in detail ? { capacity } : { limitPerCustomer };
      expect(detail.before).toEqual(before);
      capacity = detail.capacity ?? capacity;
      limitPerCustomer = detail.limitPerCustomer ?? limitPerCustomer;
    }
    const { body } = await test.api.get(`/api/offers/${offer.id}`).expect(200);
    expect(body).toMatchObject({ stock: { capacity, available: capacity }, limitPerCustomer });
    expect(body.version).toBe(Number(offer.version) + 50);
  });
});

const times = ({ opensAt, closesAt }: { opensAt: string; closesAt: string }): object => ({
  opensAt,
  closesAt,
});
