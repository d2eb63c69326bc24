import { eventually, startApp, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

const TAKEN = ['pm_ok', 'pm_slow', 'pm_error_once', 'pm_timeout_captured', 'pm_timeout_late'];
const VOIDED = ['pm_timeout_lost', 'pm_error'];
const DECLINED = ['pm_decline', 'pm_decline_insufficient_funds'];

describe('money', () => {
  let test: TestApp;
  let booked: Map<string, Json>;
  beforeAll(async () => {
    test = await startApp({
      PAYMENT_SETTLE_AFTER_SECONDS: '3',
      JOB_ATTEMPTS: '2',
      JOB_BACKOFF_MS: '20',
      BOOKING_TIMEOUT_SECONDS: '300',
    });
    // At once: most of the time is waiting for the bank.
    const all = [...TAKEN, ...VOIDED, ...DECLINED];
    booked = new Map(await Promise.all(all.map(async (method) => [method, await book(method)] as const)));
  });
  afterEach(async () => {
    expect(await test.api.broken()).toEqual({});
  });
  afterAll(() => test.close());

  const book = async (paymentMethod: string): Promise<Json> =>
    test.api.book(await test.api.offer({ capacity: 1 }), { paymentMethod });
  const chargesOf = async (bookingId: string): Promise<string[]> => {
    const rows = await test.ground.sql(
      'select state from sandbox_bank.charges where booking_id = $1 order by id',
      [bookingId],
    );
    return rows.map(({ state }) => state);
  };
  const pay = (accepted: Json, paymentMethod: string) =>
    test.api
      .post(`/api/bookings/${accepted.bookingId}/payment`, { paymentMethod }, accepted.token)
      .expect(202);

  it.each(TAKEN)('of %s is taken once, and the booking confirmed', async (method) => {
    const accepted = booked.get(method);
    // One that came too late was voided, and the customer pays again: once in all, whichever way it went.
    const end = await eventually(`${method} settled`, async () => {
      const { state } = await test.api.read(accepted);
      return state === 'confirmed' || state === 'held' ? String(state) : null;
    });
    if (end === 'held') {
      expect(method).toBe('pm_timeout_late');
      await pay(accepted, 'pm_ok');
      await test.api.until(accepted, 'confirmed');
    }
    const charges = await chargesOf(accepted.bookingId);
    expect(charges.filter((state) => state === 'captured')).toHaveLength(1);
  });

  it.each(VOIDED)(
    'of %s is not taken: the attempt is voided at the bank, and another card pays',
    async (method) => {
      const accepted = booked.get(method);
      const held = await test.api.until(accepted, 'held');
      expect(held).toMatchObject({ reason: 'PAYMENT_FAILED', deadline: expect.any(String) });
      expect(await chargesOf(accepted.bookingId)).toEqual(['voided']);
      await pay(accepted, 'pm_ok');
      await test.api.until(accepted, 'confirmed');
      expect(await chargesOf(accepted.bookingId)).toEqual(['voided', 'captured']);
    },
  );

  it.each(DECLINED)('of %s is refused without a retry', async (method) => {
    const accepted = booked.get(method);
    await test.api.until(accepted, 'held');
    expect(await chargesOf(accepted.bookingId)).toEqual(['declined']);
    await test.api.delete(`/api/bookings/${accepted.bookingId}`, accepted.token).expect(200);
  });

  it('never keeps units longer than the hold: an attempt without an outcome is settled, and the next is served', async () => {
    const offer = await test.api.offer({ capacity: 1, holdSeconds: 1 });
    const stuck = await test.api.book(offer, { paymentMethod: 'pm_timeout_lost' });
    const next = await test.api.book(offer, { paymentMethod: 'pm_ok' });
    await test.api.until(stuck, 'expired');
    await test.api.until(next, 'confirmed');
    expect(await chargesOf(stuck.bookingId)).toEqual(['voided']);
  });
});

describe('money that the bank took while every job about it was lost', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ PAYMENT_SETTLE_AFTER_SECONDS: '1', JOB_ATTEMPTS: '1' });
  });
  afterAll(() => test.close());

  it('is found by settling, and the tickets follow at once, not at the next re-drive', async () => {
    const accepted = await test.api.book(await test.api.offer(), { paymentMethod: 'pm_timeout_captured' });
    await test.api.until(accepted, 'confirmed');
    const [{ waited }] = await test.ground.sql(
      `select extract(epoch from (select max(succeeded_at) from booking_step where booking_id = $1)
         - (select succeeded_at from booking_step where booking_id = $1 and step = 'payment'))::float as waited`,
      [accepted.bookingId],
    );
    expect(waited).toBeLessThan(15);
    expect(await test.api.broken()).toEqual({});
  });
});

describe('a bank that fails in every way it can', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({
      PAYMENT_SETTLE_AFTER_SECONDS: '1',
      JOB_ATTEMPTS: '3',
      JOB_BACKOFF_MS: '20',
      SANDBOX_DECLINE_RATE: '0.2',
      SANDBOX_ERROR_RATE: '0.3',
      SANDBOX_UNKNOWN_RATE: '0.3',
      BOOKING_TIMEOUT_SECONDS: '1',
    });
  });
  afterAll(() => test.close());

  it('leaves every charge with one outcome, and every booking settled', async () => {
    const offer = await test.api.offer({ capacity: 15 });
    const booked = await Promise.all(
      Array.from({ length: 30 }, () => test.api.book(offer, { paymentMethod: 'card_of_somebody' })),
    );
    const settled = ['confirmed', 'expired', 'sold_out'];
    await eventually(
      'every booking settled',
      async () => {
        const states = await test.ground.sql('select state from booking where not state::text = any ($1)', [
          settled,
        ]);
        return states.length === 0 ? true : null;
      },
      45_000,
    );
    const rows = await test.ground.sql(
      `select b.state, count(*) filter (where c.state = 'captured')::int as captured
       from booking b left join sandbox_bank.charges c on c.booking_id = b.id::text group by b.id, b.state`,
    );
    expect(rows).toHaveLength(booked.length);
    for (const { state, captured } of rows)
      expect({ state, captured }).toEqual({ state, captured: state === 'confirmed' ? 1 : 0 });
    expect(await test.api.broken()).toEqual({});
  });
});
