import { randomUUID } from 'node:crypto';
import { Ledger } from '../../../src/booking/ledger/ledger.js';
import { PROBLEM_CONTENT_TYPE } from '../../../src/common/problem.js';
import { eventually } from '../../support/app.js';
import { startStripeApp, type StripeApp } from '../../support/stripe-app.js';
import { post, signatureOf } from '../../support/stripe-events.js';

jest.setTimeout(60_000);

const nobody = { kind: 'system', id: 'test', correlationId: 'test' } as const;

type Json = ReturnType<typeof JSON.parse>;

describe("the door for Stripe's events", () => {
  let test: StripeApp;
  beforeAll(async () => {
    // No worker: what happens here happens by events alone.
    test = await startStripeApp({ ROLE: 'api' });
  });
  afterAll(() => test.close());

  /** A booking whose attempt was sent, and its intent, held on the card; no worker is there to go on. */
  async function underWay(): Promise<{ accepted: Json; intentId: string; fence: number; key: string }> {
    const accepted = await test.api.book(await test.api.offer(), { paymentMethod: 'pm_card_visa' });
    const [{ offer_id: offerId }] = await test.ground.sql('select offer_id from booking where id = $1', [
      accepted.bookingId,
    ]);
    await test.app.get(Ledger).admit(offerId, nobody);
    const [attempt] = await test.ground.sql(
      'select fence, provider_key from payment_attempt where booking_id = $1',
      [accepted.bookingId],
    );
    const { fence, provider_key: key } = attempt;
    const { body } = test.stand.books.create({
      ...{ amount: '4500', currency: 'eur', 'metadata[fairline_key]': key },
      ...{ 'metadata[bookingId]': accepted.bookingId, 'metadata[fence]': String(fence) },
    });
    const intentId = String(body['id']);
    await test.ground.sql('insert into stripe_intent (key, intent_id) values ($1, $2)', [key, intentId]);
    return { accepted, intentId, fence, key };
  }

  async function captured(): Promise<{ accepted: Json; intentId: string; key: string }> {
    const one = await underWay();
    test.stand.books.confirm(one.intentId, { payment_method: 'pm_card_visa' });
    test.stand.books.capture(one.intentId);
    return one;
  }

  const state = async (accepted: Json): Promise<string> => (await test.api.read(accepted)).state;
  const say = async (payload: string): Promise<Json> =>
    (await post(test.door.url, payload, signatureOf(payload, test.door.secret))).json();

  it('records a capture that nobody else has heard of, once, however often it comes', async () => {
    const { accepted, intentId } = await captured();
    const { payload } = test.stand.events.of(intentId, 'payment_intent.succeeded');
    expect(await say(payload)).toEqual({ received: true, result: 'recorded' });
    expect(await state(accepted)).toBe('paid');
    for (let time = 0; time < 3; time++) expect(await say(payload)).toMatchObject({ result: 'known' });
    const audit = await test.ground.sql(
      `select actor_id, actor_kind from audit_event where booking_id = $1 and action = 'payment.captured'`,
      [accepted.bookingId],
    );
    expect(audit).toEqual([{ actor_id: 'stripe', actor_kind: 'system' }]);
    await eventually('the job that goes on', async () => {
      const { body } = await test.api.get('/api/admin/queue', test.api.operator);
      const { waiting } = body.types['booking.fulfil'];
      return waiting >= 1 ? true : null;
    });
  });

  it('takes events in any order: what was said before the end comes after it and changes nothing', async () => {
    const { accepted, intentId } = await captured();
    const types = [
      'payment_intent.succeeded',
      'payment_intent.amount_capturable_updated',
      'payment_intent.created',
    ];
    for (const type of types) {
      expect(await test.stand.events.send(test.stand.events.of(intentId, type), test.door)).toBe(200);
    }
    expect(await state(accepted)).toBe('paid');
  });

  it('records a decline, and a cancellation, of the attempt that they are about', async () => {
    const declined = await underWay();
    test.stand.books.confirm(declined.intentId, { payment_method: 'pm_card_chargeDeclinedExpiredCard' });
    const failure = test.stand.events.of(declined.intentId, 'payment_intent.payment_failed');
    expect(await say(failure.payload)).toMatchObject({ result: 'recorded' });
    expect(await test.api.read(declined.accepted)).toMatchObject({ state: 'held', reason: 'expired_card' });

    const voided = await underWay();
    test.stand.books.cancel(voided.intentId);
    const { payload } = test.stand.events.of(voided.intentId, 'payment_intent.canceled');
    expect(await say(payload)).toMatchObject({ result: 'recorded' });
    expect(await test.api.read(voided.accepted)).toMatchObject({ state: 'held' });
  });

  it('gives back what a late event tells of, where the attempt had been given up', async () => {
    const { accepted, intentId, fence } = await underWay();
    await test.app.get(Ledger).recordCharge(accepted.bookingId, fence, { kind: 'voided' }, nobody);
    test.stand.books.confirm(intentId, { payment_method: 'pm_card_visa' });
    test.stand.books.capture(intentId);
    await say(test.stand.events.of(intentId, 'payment_intent.succeeded').payload);
    expect(await state(accepted)).toBe('held');
    expect(
      await test.ground.sql('select state, reason from refund where booking_id = $1', [accepted.bookingId]),
    ).toEqual([{ state: 'pending', reason: 'CAPTURED_TOO_LATE' }]);
  });

  it('opens a refund again that failed after it had been given, once, and nobody elses', async () => {
    const { accepted, intentId, key } = await captured();
    await say(test.stand.events.of(intentId, 'payment_intent.succeeded').payload);
    const ledger = test.app.get(Ledger);
    await ledger.refund(accepted.bookingId, 'BY_OPERATOR', false, null, nobody);
    const refundKey = `refund-${key}`;
    const { body } = test.stand.books.refund({
      ...{ payment_intent: intentId, amount: '4500', 'metadata[fairline_key]': refundKey },
    });
    const rows = (): Promise<Json[]> =>
      test.ground.sql('select state from refund where refund_key = $1', [refundKey]);
    const given = async (): Promise<void> => {
      const refund = await ledger.refundOf(refundKey);
      await ledger.refundSucceeded(refund?.id ?? '', nobody);
      expect(await rows()).toEqual([{ state: 'succeeded' }]);
    };
    test.stand.books.settleRefunds(intentId, 'failed');
    const { payload } = test.stand.events.of(intentId, 'refund.failed');
    // Told before we had noted that it was given: there is nothing to open.
    expect(await say(payload)).toMatchObject({ result: 'known' });
    await given();
    const strangers: [string, string, string][] = [
      [refundKey, 'refund-of-somebody-else', 'not_ours'],
      [`"payment_intent":"${intentId}"`, '"payment_intent":"pi_somebody_elses"', 'mismatch'],
      [`"${String(body['id'])}","object":"refund"`, `"re_1","object":"refund"`, 'recorded'],
    ];
    for (const [from, to, result] of strangers) {
      expect(payload).toContain(from);
      expect(await say(payload.replace(from, to))).toMatchObject({ result });
    }
    expect(await rows()).toEqual([{ state: 'pending' }]);
    expect(await say(payload)).toMatchObject({ result: 'known' });
    await given();
    expect(await say(payload.replace('"refund.failed"', '"charge.refund.updated"'))).toMatchObject({
      result: 'recorded',
    });
    await given();
    const succeeded = payload
      .replace('"refund.failed"', '"refund.updated"')
      .replace('"failed"', '"succeeded"');
    expect(await say(succeeded)).toMatchObject({ result: 'not_ours' });
    expect(await rows()).toEqual([{ state: 'succeeded' }]);
    expect(
      await test.ground.sql(
        `select actor_id, detail from audit_event where booking_id = $1 and action = 'refund.reopened' order by id`,
        [accepted.bookingId],
      ),
    ).toEqual([1, 2].map((times) => ({ actor_id: 'stripe', detail: { charge: key, times } })));
  });

  it('refuses what Stripe did not sign, and what it signed too long ago, by a code', async () => {
    const { accepted, intentId } = await captured();
    const event = test.stand.events.of(intentId, 'payment_intent.succeeded');
    const forged = [
      post(test.door.url, event.payload),
      post(test.door.url, event.payload, 'nonsense'),
      post(test.door.url, event.payload, signatureOf(event.payload, 'whsec_of_somebody_else')),
      post(test.door.url, event.payload, signatureOf(event.payload, test.door.secret, 301)),
      post(test.door.url, `${event.payload} `, signatureOf(event.payload, test.door.secret)),
      post(
        test.door.url,
        event.payload.replace('4500', '4501'),
        signatureOf(event.payload, test.door.secret),
      ),
    ];
    for (const answer of await Promise.all(forged)) {
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toBe(PROBLEM_CONTENT_TYPE);
      expect(await answer.json()).toMatchObject({ code: 'WEBHOOK_SIGNATURE_INVALID' });
    }
    expect(await state(accepted)).toBe('paying');
    expect(await test.stand.events.send(event, test.door, 290)).toBe(200);
    expect(await state(accepted)).toBe('paid');
  });

  it('does not believe an amount, a currency or an intent that differs from our books', async () => {
    const { accepted, intentId } = await captured();
    const { payload } = test.stand.events.of(intentId, 'payment_intent.succeeded');
    const changes: [string, string][] = [
      ['"amount_received":4500', '"amount_received":1'],
      ['"currency":"eur"', '"currency":"usd"'],
      [`"id":"${intentId}"`, '"id":"pi_somebody_elses"'],
    ];
    for (const [from, to] of changes) {
      expect(payload).toContain(from);
      expect(await say(payload.replaceAll(from, to))).toMatchObject({ result: 'mismatch' });
    }
    expect(await state(accepted)).toBe('paying');
  });

  it('leaves alone what is not ours: other intents, other events, bookings that are not here', async () => {
    const { intentId, key, accepted } = await captured();
    const { payload } = test.stand.events.of(intentId, 'payment_intent.succeeded');
    const strangers = [
      payload.replaceAll(key, 'another-key'),
      payload.replaceAll(accepted.bookingId, randomUUID()),
      payload.replaceAll(accepted.bookingId, 'not an id'),
      payload.replace(/"fence":"\d+"/, '"fence":"1e9"'),
      payload.replace(/"metadata":\{[^}]*\}/, '"metadata":{}'),
      payload.replace('payment_intent.succeeded', 'customer.created'),
    ];
    for (const stranger of strangers) expect(await say(stranger)).toMatchObject({ result: 'not_ours' });
    expect(await state(accepted)).toBe('paying');
  });

  it('does not give up an attempt because of an intent that lost the race to be its own', async () => {
    const { accepted, key, fence } = await underWay();
    const { body } = test.stand.books.create({
      ...{ amount: '4500', currency: 'eur', 'metadata[fairline_key]': key },
      ...{ 'metadata[bookingId]': accepted.bookingId, 'metadata[fence]': String(fence) },
    });
    test.stand.books.cancel(String(body['id']));
    const { payload } = test.stand.events.of(String(body['id']), 'payment_intent.canceled');
    expect(await say(payload)).toMatchObject({ result: 'known' });
    expect(await state(accepted)).toBe('paying');
  });

  it('has limits of its own for a body, and leaves those of the other routes as they are', async () => {
    const long = JSON.stringify({ filler: 'x'.repeat(100_000) });
    expect((await post(test.door.url, long)).status).toBe(400);
    expect((await post(test.door.url, 'x'.repeat(300_000))).status).toBe(413);
    expect((await post(`${test.api.url}/api/bookings`, long)).status).toBe(413);
    const text = await fetch(test.door.url, { method: 'POST', body: 'a=b' });
    const told: Json = await text.json();
    expect([text.status, told.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    const signedNonsense = await post(test.door.url, 'no json', signatureOf('no json', test.door.secret));
    const refused: Json = await signedNonsense.json();
    expect([signedNonsense.status, refused.code]).toEqual([400, 'MALFORMED_BODY']);
    expect((await fetch(test.door.url)).status).toBe(405);
  });
});
