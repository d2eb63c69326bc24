import type { StripeIntents } from '../../../database/stripe-intents.js';
import {
  ProviderRefused,
  type Refunded,
  type RefundPending,
  type RefundRequest,
} from '../payment-provider.js';
import type { RefundFacts } from './intent-facts.js';
import { toStripe } from './stripe-amount.js';
import type { StripeApi } from './stripe-api.js';
import { StripeFailure } from './stripe-failure.js';

const REFUNDED: Refunded = { kind: 'refunded' };
const PENDING: RefundPending = { kind: 'refund_pending' };

/**
 * Refunds, once per refund key. What has become of one is read from the intent's own list: under its idempotency key
 * Stripe would repeat the first answer for a day, and after that day refund again.
 */
export class StripeRefunds {
  constructor(
    private readonly api: StripeApi,
    private readonly intents: StripeIntents,
  ) {}

  async refund(refund: RefundRequest, signal: AbortSignal): Promise<Refunded | RefundPending> {
    const intentId = await this.intentOf(refund);
    const ours = (await this.api.refundsOf(intentId, signal)).filter(({ key }) => key === refund.key);
    for (const one of ours) sameTerms(refund, one);
    const alive = ours.find(isAlive);
    if (alive !== undefined) return outcomeOf(alive);
    // Each that failed at the bank is followed by another, under a key of its own.
    const idempotencyKey = ours.length === 0 ? refund.key : `${refund.key}-${ours.length + 1}`;
    try {
      return outcomeOf(await this.api.refund(intentId, refund, amountOf(refund), idempotencyKey, signal));
    } catch (error) {
      if (error instanceof StripeFailure && error.kind === 'rejected') {
        return this.rejected(error, intentId, refund, signal);
      }
      throw error;
    }
  }

  /** Whether the money is there or on its way, by this refund or by whoever else gave it back. */
  async stands(refund: RefundRequest, signal: AbortSignal): Promise<boolean> {
    const intentId = await this.intentOf(refund);
    const alive = (await this.api.refundsOf(intentId, signal)).filter(isAlive);
    if (alive.some(({ key }) => key === refund.key)) return true;
    const { received } = await this.api.retrieve(intentId, signal);
    return sumOf(alive) + refund.amountMinor > received.amountMinor;
  }

  private async intentOf({ chargeKey }: RefundRequest): Promise<string> {
    const intentId = (await this.intents.find(chargeKey))?.intentId ?? null;
    if (intentId === null) throw new ProviderRefused('not_captured');
    return intentId;
  }

  /**
   * Given back already, by somebody at Stripe's own pages perhaps, or about to be, which may fail; or never taken; or
   * not for now.
   */
  private async rejected(
    error: StripeFailure,
    intentId: string,
    refund: RefundRequest,
    signal: AbortSignal,
  ): Promise<Refunded | RefundPending> {
    const intent = await this.api.retrieve(intentId, signal);
    if (intent.status !== 'succeeded') throw new ProviderRefused('not_captured');
    const taken = intent.received.amountMinor;
    const alive = (await this.api.refundsOf(intentId, signal)).filter(isAlive);
    if (error.reason === 'charge_already_refunded') {
      if (sumOf(alive.filter(({ state }) => state === 'succeeded')) >= taken) return REFUNDED;
      if (sumOf(alive) >= taken) return PENDING;
    } else if (sumOf(alive) + refund.amountMinor > taken) {
      throw new ProviderRefused('refund_exceeds_charge');
    }
    throw error;
  }
}

function sameTerms(refund: RefundRequest, { amount }: RefundFacts): void {
  const same = amount.amountMinor === refund.amountMinor && amount.currency === refund.currency;
  if (!same) throw new ProviderRefused('key_reused');
}

function amountOf(refund: RefundRequest): number {
  const terms = toStripe(refund);
  if (terms === null) throw new ProviderRefused('refund_exceeds_charge');
  return terms.amount;
}

const isAlive = ({ state }: RefundFacts): boolean => state !== 'failed';

const sumOf = (refunds: readonly RefundFacts[]): number =>
  refunds.reduce((sum, { amount }) => sum + amount.amountMinor, 0);

const outcomeOf = ({ state }: RefundFacts): Refunded | RefundPending =>
  state === 'succeeded' ? REFUNDED : PENDING;
