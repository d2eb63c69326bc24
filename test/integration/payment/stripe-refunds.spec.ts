import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  ProviderRefused,
  ProviderUnavailable,
  type ChargeAttempt,
  type PaymentProvider,
  type RefundRequest,
} from '../../../src/worker/payment/payment-provider.js';
import { allCharges, stripeAttempt, StripeGround } from '../../support/stripe-provider.js';

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

async function paid(method = 'pm_card_visa'): Promise<ChargeAttempt> {
  const attempt = stripeAttempt(method);
  expect(await provider.charge(attempt, forever)).toEqual({ kind: 'captured' });
  return attempt;
}

const refundOf = (attempt: ChargeAttempt, change: Partial<RefundRequest> = {}): RefundRequest => ({
  ...{ key: `refund-${attempt.key}`, chargeKey: attempt.key, amountMinor: 4500, currency: 'EUR' },
  ...change,
});

const givenBack = (attempt: ChargeAttempt): number =>
  ground.intentsOf(attempt).reduce((sum, intent) => sum + ground.stand.books.givenBack(intent), 0);

async function recorded(attempt: ChargeAttempt): Promise<number | undefined> {
  return (await allCharges(provider)).find(({ key }) => key === attempt.key)?.refundedMinor;
}

describe('a refund by Stripe', () => {
  it('is given once, however often, at once and later it is asked for', async () => {
    const attempt = await paid();
    const refund = refundOf(attempt);
    const kinds = await Promise.all(
      Array.from({ length: 10 }, () =>
        provider.refund(refund, forever).then(
          ({ kind }) => kind,
          (error: unknown) => (error instanceof ProviderUnavailable ? 'unavailable' : String(error)),
        ),
      ),
    );
    expect(kinds.every((kind) => ['refunded', 'unavailable'].includes(kind))).toBe(true);
    ground.stand.forgetKeys();
    expect(await provider.refund(refund, forever)).toEqual({ kind: 'refunded' });
    expect(givenBack(attempt)).toBe(4500);
    expect(await recorded(attempt)).toBe(4500);
  });

  it.each([
    { cut: 'before' },
    { cut: 'after' },
    { fail: 'before' },
    { fail: 'after' },
    { fail: 'locked' },
  ] as const)('that gets no answer (%j) is asked for again, and given once', async (fault) => {
    const attempt = await paid();
    ground.stand.on({ call: 'refund', ...fault });
    await expect(provider.refund(refundOf(attempt), forever)).rejects.toBeInstanceOf(ProviderUnavailable);
    expect(await provider.refund(refundOf(attempt), forever)).toEqual({ kind: 'refunded' });
    expect(givenBack(attempt)).toBe(4500);
  });

  it('is pending for as long as the bank takes, and counts from then on', async () => {
    const attempt = await paid('pm_card_pendingRefund');
    const refund = refundOf(attempt);
    for (let time = 0; time < 2; time++) {
      expect(await provider.refund(refund, forever)).toEqual({ kind: 'refund_pending' });
    }
    expect(await recorded(attempt)).toBe(0);
    ground.stand.books.settleRefunds(ground.intentsOf(attempt)[0]?.id ?? '', 'succeeded');
    expect(await provider.refund(refund, forever)).toEqual({ kind: 'refunded' });
    expect(await recorded(attempt)).toBe(4500);
  });

  it('that fails at the bank is given again', async () => {
    const attempt = await paid('pm_card_pendingRefund');
    await provider.refund(refundOf(attempt), forever);
    ground.stand.books.settleRefunds(ground.intentsOf(attempt)[0]?.id ?? '', 'failed');
    expect(givenBack(attempt)).toBe(0);
    expect(await provider.refund(refundOf(attempt), forever)).toEqual({ kind: 'refund_pending' });
    expect(givenBack(attempt)).toBe(4500);
  });

  it('that fails after it had succeeded no longer stands, and is given again', async () => {
    const attempt = await paid();
    const refund = refundOf(attempt);
    const intentId = ground.intentsOf(attempt)[0]?.id ?? '';
    for (let time = 1; time <= 3; time++) {
      expect(await provider.refund(refund, forever)).toEqual({ kind: 'refunded' });
      expect(await provider.refundStands(refund, forever)).toBe(true);
      expect([givenBack(attempt), await recorded(attempt)]).toEqual([4500, 4500]);
      ground.stand.books.settleRefunds(intentId, 'failed');
      expect(await provider.refundStands(refund, forever)).toBe(false);
      expect(await recorded(attempt)).toBe(0);
    }
  });

  it('of a charge that somebody is about to give back at Stripe itself is pending until the bank has said so', async () => {
    for (const end of ['succeeded', 'failed'] as const) {
      const attempt = await paid('pm_card_pendingRefund');
      const [intent] = ground.intentsOf(attempt);
      ground.stand.books.refund({ payment_intent: intent?.id ?? '', amount: '4500' });
      for (let time = 0; time < 2; time++) {
        expect(await provider.refund(refundOf(attempt), forever)).toEqual({ kind: 'refund_pending' });
      }
      ground.stand.books.settleRefunds(intent?.id ?? '', end);
      const kind = end === 'succeeded' ? 'refunded' : 'refund_pending';
      expect(await provider.refund(refundOf(attempt), forever)).toEqual({ kind });
      expect(givenBack(attempt)).toBe(4500);
    }
  });

  it('stands as long as somebody has given all of it back, though not by us', async () => {
    const attempt = await paid();
    const [intent] = ground.intentsOf(attempt);
    ground.stand.books.refund({ payment_intent: intent?.id ?? '', amount: '4500' });
    await provider.refund(refundOf(attempt), forever);
    expect(await provider.refundStands(refundOf(attempt), forever)).toBe(true);
    ground.stand.books.settleRefunds(intent?.id ?? '', 'failed');
    expect(await provider.refundStands(refundOf(attempt), forever)).toBe(false);
    expect(await provider.refund(refundOf(attempt), forever)).toEqual({ kind: 'refunded' });
    await expect(
      provider.refundStands(refundOf(attempt, { chargeKey: randomUUID() }), forever),
    ).rejects.toEqual(new ProviderRefused('not_captured'));
  });

  it('of a charge that somebody gave back at Stripe itself has succeeded', async () => {
    const attempt = await paid();
    const [intent] = ground.intentsOf(attempt);
    ground.stand.books.refund({ payment_intent: intent?.id ?? '', amount: '4500' });
    expect(await provider.refund(refundOf(attempt), forever)).toEqual({ kind: 'refunded' });
    expect(givenBack(attempt)).toBe(4500);
  });

  it('of more than is left is refused', async () => {
    const attempt = await paid();
    const [intent] = ground.intentsOf(attempt);
    ground.stand.books.refund({ payment_intent: intent?.id ?? '', amount: '1500' });
    await expect(provider.refund(refundOf(attempt), forever)).rejects.toEqual(
      new ProviderRefused('refund_exceeds_charge'),
    );
    expect(givenBack(attempt)).toBe(1500);
  });

  it('of other terms under a known key is refused', async () => {
    const attempt = await paid();
    await provider.refund(refundOf(attempt, { amountMinor: 1500 }), forever);
    await expect(provider.refund(refundOf(attempt), forever)).rejects.toEqual(
      new ProviderRefused('key_reused'),
    );
    expect(givenBack(attempt)).toBe(1500);
  });

  it('is refused for a charge that was declined, voided or never made', async () => {
    const declined = stripeAttempt('pm_card_chargeDeclined');
    const voided = stripeAttempt('pm_card_visa');
    const unsent = stripeAttempt('not a payment method');
    await provider.charge(declined, forever);
    await provider.settle(voided, forever);
    await provider.charge(unsent, forever);
    for (const chargeKey of [declined.key, voided.key, unsent.key, randomUUID()]) {
      await expect(
        provider.refund(refundOf(declined, { chargeKey, key: `refund-${chargeKey}` }), forever),
      ).rejects.toEqual(new ProviderRefused('not_captured'));
    }
  });
});
