import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import Stripe from 'stripe';
import { within } from '../../../common/within.js';
import type { StripeSettings } from '../../../config/stripe.js';
import type { ChargeAttempt, RefundRequest } from '../payment-provider.js';
import { factsOf, INTENT_KEY, refundFactsOf, type IntentFacts, type RefundFacts } from './intent-facts.js';
import { failureOf, StripeFailure } from './stripe-failure.js';

/** What this code was written against; a later version of the library does not change it unseen. */
const API_VERSION = '2026-10-28.endive' satisfies Stripe.LatestApiVersion;

/** What can be set aside, captured and given up within seconds; wallets that hold cards are among them. */
const CARDS_ALONE = {
  allowed_payment_method_types: ['card'],
  automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
} satisfies Pick<
  Stripe.PaymentIntentCreateParams,
  'allowed_payment_method_types' | 'automatic_payment_methods'
>;

/** Most that Stripe gives at once. */
const MAX_PAGE = 100;
/** Of one charge there is one refund, and some more where those before it failed. */
const MAX_REFUNDS = 100;

/** An amount in Stripe's own units. */
export interface StripeAmount {
  readonly amount: number;
  readonly currency: string;
}

/**
 * The calls that payments are made of, each one request, bounded in time and given up with the signal.
 *
 * The library repeats nothing but a request whose connection was closed, once and under its key: who repeats is the
 * queue, the sweeper and the refunds' own rows, which know how often and until when.
 *
 * Every method rejects with `StripeFailure`, or with the signal's reason once that is aborted.
 */
export class StripeApi {
  private readonly agent: HttpAgent;
  private readonly stripe: Stripe;
  private readonly timeoutMs: number;

  constructor({ secretKey, apiUrl, timeoutMs }: StripeSettings) {
    const { protocol, hostname, port } = new URL(apiUrl ?? 'https://api.stripe.com');
    const isPlain = protocol === 'http:';
    this.timeoutMs = timeoutMs;
    this.agent = isPlain ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true });
    this.stripe = new Stripe(secretKey, {
      apiVersion: API_VERSION,
      maxNetworkRetries: 0,
      timeout: timeoutMs,
      telemetry: false,
      appInfo: { name: 'Fairline' },
      httpAgent: this.agent,
      protocol: isPlain ? 'http' : 'https',
      host: hostname,
      port: port === '' ? (isPlain ? 80 : 443) : port,
    });
  }

  /** An intent that has not been confirmed: no money moves by it. The same one for the same key. */
  create(
    attempt: ChargeAttempt,
    terms: StripeAmount,
    idempotencyKey: string,
    signal: AbortSignal,
  ): Promise<IntentFacts> {
    const metadata = {
      [INTENT_KEY]: attempt.key,
      bookingId: attempt.bookingId,
      fence: String(attempt.fence),
    };
    return this.intent(signal, () =>
      this.stripe.paymentIntents.create(
        { ...terms, ...CARDS_ALONE, capture_method: 'manual', metadata },
        { idempotencyKey },
      ),
    );
  }

  retrieve(id: string, signal: AbortSignal): Promise<IntentFacts> {
    return this.intent(signal, () => this.stripe.paymentIntents.retrieve(id));
  }

  /** Sets the money aside on the card. Nobody is there to prove who they are: where the bank asks, it is a decline. */
  confirm(id: string, method: string, idempotencyKey: string, signal: AbortSignal): Promise<IntentFacts> {
    return this.intent(signal, () =>
      this.stripe.paymentIntents.confirm(
        id,
        { payment_method: method, error_on_requires_action: true },
        { idempotencyKey },
      ),
    );
  }

  /** Takes what was set aside. The state of the intent guards it: no key, so that an error is not kept under one. */
  capture(id: string, signal: AbortSignal): Promise<IntentFacts> {
    return this.intent(signal, () => this.stripe.paymentIntents.capture(id));
  }

  /** Nothing moves by this intent any more. Guarded by its state, like `capture`. */
  cancel(id: string, signal: AbortSignal): Promise<IntentFacts> {
    return this.intent(signal, () =>
      this.stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' }),
    );
  }

  /** Intents of the account, newest first, those of others among them. */
  async list(
    page: { readonly after: string | null; readonly limit: number },
    signal: AbortSignal,
  ): Promise<{ readonly intents: readonly IntentFacts[]; readonly next: string | null }> {
    const { data, has_more } = await this.ask(signal, () =>
      this.stripe.paymentIntents.list({
        limit: Math.min(page.limit, MAX_PAGE),
        expand: ['data.latest_charge.refunds'],
        ...(page.after !== null && { starting_after: page.after }),
      }),
    );
    return { intents: data.map(factsOf), next: has_more ? (data.at(-1)?.id ?? null) : null };
  }

  async refund(
    intentId: string,
    refund: RefundRequest,
    amount: number,
    idempotencyKey: string,
    signal: AbortSignal,
  ): Promise<RefundFacts> {
    const params = { payment_intent: intentId, amount, metadata: { [INTENT_KEY]: refund.key } };
    return refundFactsOf(
      await this.ask(signal, () => this.stripe.refunds.create(params, { idempotencyKey })),
    );
  }

  async refundsOf(intentId: string, signal: AbortSignal): Promise<readonly RefundFacts[]> {
    const page = await this.ask(signal, () =>
      this.stripe.refunds.list({ payment_intent: intentId, limit: MAX_REFUNDS }),
    );
    return page.data.map(refundFactsOf);
  }

  /** Closes idle connections. Idempotent. */
  close(): void {
    this.agent.destroy();
  }

  private async intent(signal: AbortSignal, call: () => Promise<Stripe.PaymentIntent>): Promise<IntentFacts> {
    return factsOf(await this.ask(signal, call));
  }

  private async ask<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    let give: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
      give = () => reject(new Error('aborted'));
      signal.addEventListener('abort', give, { once: true });
    });
    try {
      return await within(this.timeoutMs, Promise.race([call(), aborted]), late);
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error);
    } finally {
      signal.removeEventListener('abort', give);
    }
  }
}

const late = (): Error => new StripeFailure('unavailable', 'timeout', 'Stripe did not answer in time');
