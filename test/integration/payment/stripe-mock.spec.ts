import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { StripeApi } from '../../../src/worker/payment/stripe/stripe-api.js';
import { describeWithStripeMock } from '../../support/stripe-mock.js';
import { stripeAttempt } from '../../support/stripe-provider.js';

const { signal } = new AbortController();

/**
 * stripe-mock refuses a parameter that Stripe's published API does not have, and answers with an example of what
 * Stripe would; it remembers nothing, so that states cannot be followed here.
 */
describeWithStripeMock('each call of Stripe, against what Stripe publishes of its API', (url) => {
  let api: StripeApi;
  beforeAll(() => {
    api = new StripeApi({ secretKey: 'sk_test_123', webhookSecret: null, apiUrl: url, timeoutMs: 10_000 });
  });
  afterAll(() => api.close());

  const attempt = stripeAttempt('pm_card_visa');
  const anIntent = { id: expect.stringMatching(/^pi_/) as string };

  it('creates an intent of the amount', async () => {
    const made = await api.create(attempt, { amount: 4500, currency: 'eur' }, attempt.key, signal);
    expect(made).toMatchObject({ ...anIntent, amount: { amountMinor: 4500, currency: 'EUR' } });
  });

  it.each([
    ['retrieves', () => api.retrieve('pi_1', signal)],
    ['confirms', () => api.confirm('pi_1', attempt.method, randomUUID(), signal)],
    ['captures', () => api.capture('pi_1', signal)],
    ['cancels', () => api.cancel('pi_1', signal)],
  ])('%s one', async (_, call) => {
    expect(await call()).toMatchObject(anIntent);
  });

  it('lists them, each with what was refunded of its charge', async () => {
    const first = await api.list({ after: null, limit: 1000 }, signal);
    expect(first.intents).toMatchObject([anIntent]);
    expect(first.intents[0]?.refundedMinor).toEqual(expect.any(Number));
    expect((await api.list({ after: 'pi_1', limit: 3 }, signal)).intents).toMatchObject([anIntent]);
  });

  it('refunds, and lists the refunds of an intent', async () => {
    const request = { key: randomUUID(), chargeKey: attempt.key, amountMinor: 4500, currency: 'EUR' };
    const made = await api.refund('pi_1', request, 4500, request.key, signal);
    expect(made).toMatchObject({ state: 'succeeded', amount: { amountMinor: 4500 } });
    expect(await api.refundsOf('pi_1', signal)).toMatchObject([{ state: 'succeeded' }]);
  });

  it('is refused by it where a parameter is not one of the API', async () => {
    const stripe = new Stripe('sk_test_123', { ...hostOf(url), maxNetworkRetries: 0 });
    const wrong = { amount: 1, currency: 'eur', no_such_parameter: 'x' };
    await expect(stripe.paymentIntents.create(wrong)).rejects.toMatchObject({ statusCode: 400 });
  });
});

function hostOf(url: string): { protocol: 'http'; host: string; port: string } {
  const { hostname, port } = new URL(url);
  return { protocol: 'http', host: hostname, port };
}
