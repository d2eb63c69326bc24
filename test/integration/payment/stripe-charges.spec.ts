import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  ProviderRefused,
  ProviderUnavailable,
  type ChargeAttempt,
  type PaymentProvider,
} from '../../../src/worker/payment/payment-provider.js';
import { allCharges, stripeAttempt, StripeGround } from '../../support/stripe-provider.js';
import type { Rule, StripeCall } from '../../support/stripe-rules.js';

const forever = new AbortController().signal;
setMaxListeners(0, forever);

let ground: StripeGround;
let provider: PaymentProvider;
beforeAll(async () => {
  ground = await StripeGround.prepare();
  provider = ground.provider();
});
afterEach(() => ground.stand.clear());
afterAll(() => ground.release());

const charge = (attempt: ChargeAttempt, by = provider) => by.charge(attempt, forever);
const settle = (attempt: ChargeAttempt, by = provider) => by.settle(attempt, forever);
const counted = (call: StripeCall): number => ground.stand.calls.filter((one) => one.call === call).length;

/** What a worker sees that got no answer. */
const orLost = (work: Promise<{ readonly kind: string }>): Promise<string> =>
  work.then(
    ({ kind }) => kind,
    (error: unknown) => {
      if (error instanceof ProviderUnavailable) return 'unavailable';
      throw error;
    },
  );

/** Asks until Stripe has answered, as the sweeper does. */
async function settled(attempt: ChargeAttempt, by = provider): Promise<string> {
  for (;;) {
    const kind = await orLost(settle(attempt, by));
    if (kind !== 'unavailable') return kind;
  }
}

describe('a charge by Stripe', () => {
  it('takes the money once, and a repetition reports what the first one did', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    for (let time = 0; time < 3; time++) expect(await charge(attempt)).toEqual({ kind: 'captured' });
    expect(await settle(attempt)).toEqual({ kind: 'captured' });
    expect(ground.intentsOf(attempt)).toMatchObject([{ status: 'succeeded', received: 4500, authorised: 1 }]);
    expect([counted('create'), counted('confirm'), counted('capture')]).toEqual([1, 1, 1]);
    expect(ground.intentsOf(attempt)[0]?.metadata).toEqual({
      ...{ fairline_key: attempt.key, bookingId: attempt.bookingId, fence: '2' },
    });
  });

  it('takes it once when forty equal charges come at the same moment from two processes', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    const other = ground.provider();
    const kinds = await Promise.all(
      Array.from({ length: 40 }, (_, n) => orLost(charge(attempt, n % 2 === 0 ? provider : other))),
    );
    expect(kinds).not.toContain('declined');
    expect(await charge(attempt, other)).toEqual({ kind: 'captured' });
    const used = ground.intentsOf(attempt).filter(({ authorised }) => authorised > 0);
    expect(used).toMatchObject([{ status: 'succeeded', authorised: 1 }]);
  });

  it.each([
    ['pm_card_chargeDeclined', 'card_declined'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card'],
    ['pm_card_chargeDeclinedStolenCard', 'card_declined'],
    ['pm_card_authenticationRequired', 'authentication_required'],
    ['pm_standin_requiresAction', 'authentication_required'],
    ['pm_standin_captureDeclined', 'card_declined'],
    ['pm_card_nobodyHasThis', 'payment_method_invalid'],
    ['pm_card_visa; 4242', 'payment_method_invalid'],
  ])('with %s is declined for good: %s', async (method, reason) => {
    const attempt = stripeAttempt(method);
    for (let time = 0; time < 2; time++) expect(await charge(attempt)).toEqual({ kind: 'declined', reason });
    expect(await settle(attempt)).toEqual({ kind: 'declined', reason });
    expect(ground.intentsOf(attempt).filter(({ received }) => received > 0)).toEqual([]);
    expect(counted('confirm')).toBeLessThanOrEqual(1);
  });

  it('asks the bank once, though two processes ask at the same moment and it says no', async () => {
    const attempt = stripeAttempt('pm_card_chargeDeclined');
    const held = ground.stand.on({ call: 'confirm', hold: 'before' });
    const first = charge(attempt);
    await held.reached;
    expect(await charge(attempt, ground.provider())).toEqual({ kind: 'unknown' });
    held.release();
    expect(await first).toEqual({ kind: 'declined', reason: 'card_declined' });
    expect(ground.stand.events.all.filter(({ type }) => type.endsWith('payment_failed'))).toHaveLength(1);
  });

  it('sends no number of a card to anybody', async () => {
    const attempt = stripeAttempt('4242424242424242');
    expect(await charge(attempt)).toEqual({ kind: 'declined', reason: 'payment_method_invalid' });
    expect(ground.stand.calls).toEqual([]);
  });

  it.each([
    ['JPY', 5000, 'jpy', 5000],
    ['BHD', 1250, 'bhd', 1250],
    ['ISK', 700, 'isk', 70_000],
    ['MGA', 900_000, 'mga', 9000],
  ])(
    'of %s %i is one of %s %i at Stripe, and comes back as it was',
    async (currency, amountMinor, code, amount) => {
      const attempt = stripeAttempt('pm_card_visa', { amountMinor, currency });
      expect(await charge(attempt)).toEqual({ kind: 'captured' });
      expect(ground.intentsOf(attempt)).toMatchObject([{ amount, currency: code, received: amount }]);
      expect(await allCharges(provider)).toMatchObject([{ key: attempt.key, amountMinor, currency }]);
    },
  );

  it.each([
    ['KWD', 1251, 'amount_not_supported'],
    ['MGA', 150, 'amount_not_supported'],
    ['EUR', 49, 'amount_too_small'],
  ])('of %s %i, which Stripe cannot charge, is declined', async (currency, amountMinor, reason) => {
    const attempt = stripeAttempt('pm_card_visa', { amountMinor, currency });
    expect(await charge(attempt)).toEqual({ kind: 'declined', reason });
    expect(await settle(attempt)).toEqual({ kind: 'declined', reason });
  });

  it('of other terms under a known key is refused, and changes nothing', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    await charge(attempt);
    for (const change of [{ amountMinor: 4501 }, { currency: 'USD' }, { bookingId: randomUUID() }]) {
      const other = { ...attempt, ...change };
      await expect(charge(other)).rejects.toEqual(new ProviderRefused('key_reused'));
      await expect(settle(other)).rejects.toEqual(new ProviderRefused('key_reused'));
    }
    expect(ground.intentsOf(attempt)).toMatchObject([{ status: 'succeeded', received: 4500 }]);
  });

  it('is unknown while Stripe is still at it', async () => {
    const attempt = stripeAttempt('pm_standin_processing');
    expect(await charge(attempt)).toEqual({ kind: 'unknown' });
    await expect(settle(attempt)).rejects.toBeInstanceOf(ProviderUnavailable);
  });

  it('is not made by a key that Stripe does not take, and nobody is declined for that', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    const { StripeApi } = await import('../../../src/worker/payment/stripe/stripe-api.js');
    const settings = { webhookSecret: null, apiUrl: ground.stand.url, timeoutMs: 1000 };
    const api = new StripeApi({ ...settings, secretKey: 'sk_test_wrong' });
    const failure: unknown = await api
      .create(attempt, { amount: 4500, currency: 'eur' }, 'k', forever)
      .catch((e: unknown) => e);
    expect(failure).toMatchObject({ kind: 'unavailable' });
    expect(JSON.stringify([failure, String(failure)])).not.toContain('sk_test_wrong');
    api.close();
  });
});

const FAULTS: readonly Omit<Rule, 'call'>[] = [
  { cut: 'before' },
  { cut: 'after' },
  { fail: 'before' },
  { fail: 'after' },
  { fail: 'locked' },
  { fail: 'rate_limit' },
];
const CASES = (['create', 'confirm', 'capture'] as const).flatMap((call) =>
  FAULTS.map((fault) => [call, JSON.stringify(fault), fault] as const),
);

describe('a charge that gets no answer', () => {
  it.each(CASES)(
    'to %s (%s) is never a decline, and settling it gives one outcome for good',
    async (call, _, fault) => {
      const attempt = stripeAttempt('pm_card_visa');
      ground.stand.on({ call, ...fault });
      const seen = await orLost(charge(attempt));
      // A fault before any money can move may be overcome at once, by another key.
      if (seen !== 'captured') expect(seen).toMatch(/unknown|unavailable/);
      const end = await settled(attempt);
      expect(end).toMatch(/captured|voided/);
      expect(await settled(attempt)).toBe(end);
      expect((await charge(attempt)).kind).toBe(end === 'captured' ? 'captured' : 'declined');
      const taken = ground.intentsOf(attempt).filter(({ received }) => received > 0);
      expect(taken).toHaveLength(end === 'captured' ? 1 : 0);
      expect(ground.intentsOf(attempt).filter(({ status }) => status === 'requires_capture')).toEqual([]);
    },
  );

  it.each(CASES)('to %s (%s) takes the money when it is repeated, once', async (call, _, fault) => {
    const attempt = stripeAttempt('pm_card_visa');
    ground.stand.on({ call, ...fault });
    await orLost(charge(attempt));
    const again = await orLost(charge(attempt));
    // An error that Stripe keeps under the key of the confirmation is repeated, unless the money was set aside.
    expect(again).toBe('captured');
    expect(ground.intentsOf(attempt).reduce((sum, { authorised }) => sum + authorised, 0)).toBe(1);
  });

  it('in time is given up, and what it did is found later', async () => {
    const hasty = ground.provider(150);
    for (const call of ['confirm', 'capture'] as const) {
      const attempt = stripeAttempt('pm_card_visa');
      const held = ground.stand.on({ call, bookingId: attempt.bookingId, hold: 'after' });
      expect(await charge(attempt, hasty)).toEqual({ kind: 'unknown' });
      held.release();
      expect(await settled(attempt, hasty)).toBe(call === 'capture' ? 'captured' : 'voided');
    }
  });

  it('because its job was given up rejects with the reason for that', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    const held = ground.stand.on({ call: 'capture', hold: 'before' });
    const job = new AbortController();
    const charging = provider.charge(attempt, job.signal);
    await held.reached;
    job.abort(new Error('the deadline of the job'));
    await expect(charging).rejects.toThrow('the deadline of the job');
    held.release();
    expect(['captured', 'voided']).toContain(await settled(attempt));
  });
});

describe('settling at Stripe', () => {
  it('voids an attempt that never came there, so that a late arrival is refused', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    expect(await settle(attempt)).toEqual({ kind: 'voided' });
    expect(ground.intentsOf(attempt)).toMatchObject([{ status: 'canceled', authorised: 0 }]);
    expect(await charge(attempt)).toEqual({ kind: 'declined', reason: 'attempt_voided' });
    expect(await settle(attempt)).toEqual({ kind: 'voided' });
    expect(ground.intentsOf(attempt)).toHaveLength(1);
  });

  it.each([
    ['create', 'before', 'voided'],
    ['create', 'after', 'voided'],
    ['confirm', 'before', 'voided'],
    ['confirm', 'after', 'voided'],
    ['capture', 'before', 'voided'],
    ['capture', 'after', 'captured'],
  ] as const)(
    'while a charge is at its %s, held %s its effect: %s, and the charge agrees',
    async (call, hold, end) => {
      const attempt = stripeAttempt('pm_card_visa');
      const held = ground.stand.on({ call, hold });
      const charging = orLost(charge(attempt));
      await held.reached;
      // Where the intent is being made, Stripe says that the key is in use: settled once that is over.
      const seen = await orLost(settle(attempt));
      expect(seen).toBe(call === 'create' ? 'unavailable' : end);
      if (call === 'create') {
        ground.stand.on({ call: 'confirm', fail: 'before' });
        held.release();
        expect(await charging).toBe('unknown');
      } else {
        held.release();
        expect(await charging).toBe(end === 'captured' ? 'captured' : 'declined');
      }
      expect(await settled(attempt)).toBe(end);
      expect(ground.intentsOf(attempt).filter(({ received }) => received > 0)).toHaveLength(
        end === 'captured' ? 1 : 0,
      );
    },
  );

  it('and a charge at the same moment agree, whoever was first', async () => {
    const other = ground.provider();
    for (let round = 0; round < 60; round++) {
      const attempt = stripeAttempt('pm_card_visa');
      const calls = [() => orLost(charge(attempt)), () => orLost(settle(attempt, other))];
      if (round % 2 === 1) calls.reverse();
      const seen = await Promise.all(calls.map((call) => call()));
      const end = await settled(attempt);
      expect(['captured', 'voided']).toContain(end);
      const fits =
        end === 'captured'
          ? ['captured', 'unknown', 'unavailable']
          : ['voided', 'declined', 'unknown', 'unavailable'];
      for (const kind of seen) expect(fits).toContain(kind);
      const taken = ground.intentsOf(attempt).reduce((sum, { received }) => sum + received, 0);
      expect(taken).toBe(end === 'captured' ? 4500 : 0);
    }
  });

  it('is the same after the day for which Stripe keeps keys', async () => {
    const taken = stripeAttempt('pm_card_visa');
    const refused = stripeAttempt('pm_card_chargeDeclined');
    const voided = stripeAttempt('pm_card_visa');
    await charge(taken);
    await charge(refused);
    await settle(voided);
    ground.stand.forgetKeys();
    expect(await settle(taken)).toEqual({ kind: 'captured' });
    expect(await charge(taken)).toEqual({ kind: 'captured' });
    expect(await settle(refused)).toEqual({ kind: 'declined', reason: 'card_declined' });
    expect(await charge(refused)).toEqual({ kind: 'declined', reason: 'card_declined' });
    expect(await settle(voided)).toEqual({ kind: 'voided' });
    expect(await charge(voided)).toEqual({ kind: 'declined', reason: 'attempt_voided' });
    for (const attempt of [taken, refused, voided]) expect(ground.intentsOf(attempt)).toHaveLength(1);
  });

  it('finds the one intent that counts where two were made, and the other is never confirmed', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    const held = ground.stand.on({ call: 'create', hold: 'after' });
    const charging = charge(attempt);
    await held.reached;
    ground.stand.forgetKeys();
    expect(await charge(attempt, ground.provider())).toEqual({ kind: 'captured' });
    held.release();
    expect(await charging).toEqual({ kind: 'captured' });
    const intents = ground.intentsOf(attempt);
    expect(intents.map(({ status }) => status).sort()).toEqual(['canceled', 'succeeded']);
    expect(intents.reduce((sum, { authorised }) => sum + authorised, 0)).toBe(1);
  });

  it('waits where Stripe cannot be asked: not to know is no answer', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    ground.stand.on({ call: 'create', fail: 'before' });
    await expect(settle(attempt)).rejects.toBeInstanceOf(ProviderUnavailable);
    expect(await settle(attempt)).toEqual({ kind: 'voided' });
  });
});

describe('the books at Stripe', () => {
  it('are read page by page: what is ours and has come to an end', async () => {
    const taken = Array.from({ length: 9 }, () => stripeAttempt('pm_card_visa'));
    for (const attempt of taken) await charge(attempt);
    const refused = stripeAttempt('pm_card_chargeDeclined');
    const voided = stripeAttempt('pm_card_visa');
    const open = stripeAttempt('pm_card_visa');
    await charge(refused);
    await settle(voided);
    ground.stand.on({ call: 'capture', fail: 'before' });
    await charge(open);
    ground.stand.books.create({ amount: '999', currency: 'eur' });
    const charges = await allCharges(provider, 4);
    const states = new Map(charges.map(({ key, state }) => [key, state]));
    expect(charges).toHaveLength(11);
    for (const { key } of taken) expect(states.get(key)).toBe('captured');
    expect([states.get(refused.key), states.get(voided.key), states.get(open.key)]).toEqual([
      ...['declined', 'voided', undefined],
    ]);
  });

  it('have one charge for an attempt of which two intents were made, and tell of money taken by another', async () => {
    const attempt = stripeAttempt('pm_card_visa');
    await charge(attempt);
    const copy = (): string => {
      const { body } = ground.stand.books.create({
        ...{ amount: '4500', currency: 'eur', 'metadata[fairline_key]': attempt.key },
        'metadata[bookingId]': attempt.bookingId,
      });
      return String(body['id']);
    };
    ground.stand.books.cancel(copy());
    expect(await allCharges(provider)).toMatchObject([{ key: attempt.key, state: 'captured' }]);
    const other = copy();
    ground.stand.books.confirm(other, { payment_method: 'pm_card_visa' });
    ground.stand.books.capture(other);
    const keys = (await allCharges(provider)).map(({ key }) => key);
    expect(keys.sort()).toEqual([attempt.key, `${attempt.key} (${other})`]);
  });
});
