import type { KnownIntent, StripeIntents } from '../../../database/stripe-intents.js';
import { ProviderUnavailable, type ChargeAttempt } from '../payment-provider.js';
import type { IntentFacts } from './intent-facts.js';
import { toStripe } from './stripe-amount.js';
import type { StripeAmount, StripeApi } from './stripe-api.js';
import { StripeFailure } from './stripe-failure.js';

/** A payment method of Stripe. Numbers of cards, above all, are not sent on. */
const PAYMENT_METHOD = /^pm_\w{1,200}$/;
/** Stripe keeps an error of its own under the key, and would repeat it for a day: then the next key is tried. */
const MAX_KEYS = 4;

export interface OpenedIntent {
  readonly known: KnownIntent;
  /** Of an intent that was made just now and has not been touched; null where it has to be looked at first. */
  readonly fresh: IntentFacts | null;
}

/**
 * Finds or makes the intent of an attempt and writes down which one it is, before anybody may confirm it. Where two
 * make one each, one of them is written down, and the other never confirmed.
 */
export class IntentOpener {
  constructor(
    private readonly api: StripeApi,
    private readonly intents: StripeIntents,
  ) {}

  async open(attempt: ChargeAttempt, signal: AbortSignal): Promise<OpenedIntent> {
    const found = await this.intents.find(attempt.key);
    if (found !== null) return { known: found, fresh: null };
    const terms = toStripe(attempt);
    if (terms === null) return this.refuse(attempt, 'amount_not_supported');
    if (!PAYMENT_METHOD.test(attempt.method)) return this.refuse(attempt, 'payment_method_invalid');
    try {
      return await this.make(attempt, terms, signal);
    } catch (error) {
      if (error instanceof StripeFailure && error.kind === 'rejected') {
        return this.refuse(attempt, error.reason);
      }
      throw error;
    }
  }

  private async make(
    attempt: ChargeAttempt,
    terms: StripeAmount,
    signal: AbortSignal,
  ): Promise<OpenedIntent> {
    const made = await this.create(attempt, terms, signal);
    const known = await this.intents.remember(attempt.key, {
      intentId: made.id,
      closed: false,
      refusal: null,
    });
    if (known.intentId === made.id) return { known, fresh: null };
    // Nobody knows this one, so nobody confirms it. That it is given up is for the eye of whoever reads the account.
    await this.api.cancel(made.id, signal).catch(() => undefined);
    return { known, fresh: null };
  }

  private async create(
    attempt: ChargeAttempt,
    terms: StripeAmount,
    signal: AbortSignal,
  ): Promise<IntentFacts> {
    for (let n = 1; n <= MAX_KEYS; n++) {
      try {
        return await this.api.create(attempt, terms, n === 1 ? attempt.key : `${attempt.key}-${n}`, signal);
      } catch (error) {
        const isKept = error instanceof StripeFailure && error.kind === 'unavailable' && error.isReplay;
        if (!isKept) throw error;
      }
    }
    throw new ProviderUnavailable('Stripe fails to make an intent, whatever its key');
  }

  /** There is no intent and there will be none. */
  private async refuse(attempt: ChargeAttempt, refusal: string): Promise<OpenedIntent> {
    const known = await this.intents.remember(attempt.key, { intentId: null, closed: true, refusal });
    return { known, fresh: null };
  }
}
