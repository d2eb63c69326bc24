import { Ledger } from '../../../src/booking/ledger/ledger.js';
import { eventually, startApp, type TestApp } from '../../support/app.js';
import { startStripeApp, type StripeApp } from '../../support/stripe-app.js';
import { checkInvariants } from '../../../scripts/ledger-check.js';
import { loadConfig } from '../../../src/config/load.js';
import { STAND_IN_KEY } from '../../support/stripe-stand-in.js';

jest.setTimeout(60_000);

const nobody = { kind: 'system', id: 'test', correlationId: 'test' } as const;

type Json = ReturnType<typeof JSON.parse>;

describe('the application with payments by Stripe', () => {
  let test: StripeApp;
  beforeAll(async () => {
    test = await startStripeApp();
    test.stand.events.deliverTo(test.door);
  });
  afterAll(() => test.close());

  const pay = (accepted: Json, paymentMethod: string) =>
    test.api
      .post(`/api/bookings/${accepted.bookingId}/payment`, { paymentMethod }, accepted.token)
      .expect(202);
  const attempts = (accepted: Json): Promise<Json[]> =>
    test.ground.sql('select fence, state, reason from payment_attempt where booking_id = $1 order by fence', [
      accepted.bookingId,
    ]);

  it('sells: booked, held, paid, confirmed, with one captured intent of the whole amount', async () => {
    const accepted = await test.api.book(await test.api.offer(), { quantity: 2 });
    await test.api.until(accepted, 'held');
    await pay(accepted, 'pm_card_visa');
    await test.api.until(accepted, 'confirmed');
    expect(test.intentsOf(accepted)).toMatchObject([
      { status: 'succeeded', amount: 9000, received: 9000, currency: 'eur', authorised: 1 },
    ]);
    expect(await test.api.broken()).toEqual({});
  });

  it('lets a customer whose card was declined pay with another one', async () => {
    const accepted = await test.api.book(await test.api.offer());
    await test.api.until(accepted, 'held');
    await pay(accepted, 'pm_card_chargeDeclinedInsufficientFunds');
    await eventually('the decline', async () => {
      const snapshot = await test.api.read(accepted);
      return snapshot.state === 'held' && snapshot.reason === 'insufficient_funds' ? snapshot : null;
    });
    await pay(accepted, 'pm_card_visa');
    await test.api.until(accepted, 'confirmed');
    expect((await attempts(accepted)).map(({ state }) => state)).toEqual(['declined', 'captured']);
  });

  it.each([
    ['pm_card_nobodyHasThis', 'payment_method_invalid'],
    ['pm_standin_requiresAction', 'authentication_required'],
  ])(
    'tells why %s was given up, also where the event of that comes before the answer',
    async (method, reason) => {
      const accepted = await test.api.book(await test.api.offer());
      await test.api.until(accepted, 'held');
      const held = test.stand.on({ call: 'cancel', bookingId: accepted.bookingId, hold: 'after' });
      await pay(accepted, method);
      await held.reached;
      await test.stand.events.idle();
      const [attempt] = await attempts(accepted);
      held.release();
      expect(attempt).toMatchObject({ state: 'declined', reason });
      await eventually('the hold again', async () => {
        const { state } = await test.api.read(accepted);
        return state === 'held' ? true : null;
      });
      expect(await test.api.read(accepted)).toMatchObject({ state: 'held', reason });
      expect(await attempts(accepted)).toMatchObject([{ state: 'declined', reason }]);
    },
  );

  it('settles what was captured although nobody heard of it', async () => {
    const offer = await test.api.offer();
    test.stand.events.deliverTo(null);
    const accepted = await test.api.book(offer);
    await test.api.until(accepted, 'held');
    // Whatever the worker asks about the capture, for as long as it asks: only the intent itself tells.
    test.stand.on({ call: 'capture', bookingId: accepted.bookingId, fail: 'after' });
    await pay(accepted, 'pm_card_visa');
    await test.api.until(accepted, 'confirmed');
    test.stand.events.deliverTo(test.door);
    expect(test.intentsOf(accepted)).toMatchObject([{ status: 'succeeded', authorised: 1 }]);
  });

  it('gives back by itself what was captured after the attempt had been given up', async () => {
    // An event would tell the ledger first.
    test.stand.events.deliverTo(null);
    const accepted = await test.api.book(await test.api.offer());
    await test.api.until(accepted, 'held');
    const held = test.stand.on({ call: 'capture', bookingId: accepted.bookingId, hold: 'after' });
    await pay(accepted, 'pm_card_visa');
    await held.reached;
    // As if the ledger had been told otherwise: the attempt is void and the hold is over.
    const [{ fence }] = await attempts(accepted);
    await test.app.get(Ledger).recordCharge(accepted.bookingId, fence, { kind: 'voided' }, nobody);
    held.release();
    await eventually('the refund', async () => {
      const [refund] = await test.ground.sql('select state from refund where booking_id = $1', [
        accepted.bookingId,
      ]);
      return refund?.state === 'succeeded' ? refund : null;
    });
    test.stand.events.deliverTo(test.door);
    const [intent] = test.intentsOf(accepted);
    expect(intent && test.stand.books.givenBack(intent)).toBe(4500);
  });

  it.each([true, false])(
    'gives a refund again that the bank has sent back (told by an event: %s)',
    async (told) => {
      const accepted = await test.api.book(await test.api.offer(), { paymentMethod: 'pm_card_visa' });
      await test.api.until(accepted, 'confirmed');
      await test.api
        .post(`/api/admin/bookings/${accepted.bookingId}/refund`, {}, test.api.operator)
        .expect(200);
      const given = (times: number): Promise<unknown> =>
        eventually(`refund ${times} given`, async () => {
          const done = await test.ground.sql(
            `select action from audit_event where booking_id = $1 and action like 'refund.%' order by id`,
            [accepted.bookingId],
          );
          return done.filter(({ action }) => action === 'refund.succeeded').length === times ? done : null;
        });
      await given(1);
      const [intent] = test.intentsOf(accepted);
      if (!told) test.stand.events.deliverTo(null);
      test.stand.books.settleRefunds(intent?.id ?? '', 'failed');
      let other: TestApp | undefined;
      if (!told) {
        await test.ground.sql('update refund set look_at = now() where booking_id = $1', [
          accepted.bookingId,
        ]);
        // A worker that begins looks at once.
        other = await startApp(test.env, test.ground);
      }
      expect(await given(2)).toEqual(
        ['refund.open', 'refund.succeeded', 'refund.reopened', 'refund.succeeded'].map((action) => ({
          action,
        })),
      );
      await other?.close();
      test.stand.events.deliverTo(test.door);
      expect(intent && test.stand.books.givenBack(intent)).toBe(4500);
    },
  );

  it('ends with every invariant held, the charges at Stripe joined with the ledger both ways', async () => {
    await test.stand.events.idle();
    await eventually('nothing unsealed', async () =>
      Object.keys(await test.api.broken()).length === 0 ? true : null,
    );
    const config = loadConfig({
      PAYMENT_PROVIDER: 'stripe',
      STRIPE_SECRET_KEY: STAND_IN_KEY,
      STRIPE_API_URL: test.stand.url,
    });
    const report = await checkInvariants(test.ground.databaseUrl, config);
    expect(Object.entries(report).filter(([, { ok }]) => !ok)).toEqual([]);
    expect(report.F4.checked).toBeGreaterThan(4);
    // Money that nobody here knows of, under a key that looks like ours.
    const { body } = test.stand.books.create({
      amount: '700',
      currency: 'eur',
      'metadata[fairline_key]': 'unheard of',
    });
    test.stand.books.confirm(String(body['id']), { payment_method: 'pm_card_visa' });
    test.stand.books.capture(String(body['id']));
    const { F4 } = await checkInvariants(test.ground.databaseUrl, config);
    expect(F4.violations).toEqual(['charge unheard of was captured, but no attempt of ours has that key']);
  });
});
