import type { Actor } from '../../../booking/booking.js';
import type { Ledger } from '../../../booking/ledger/ledger.js';
import type { Attempt, ChargeOutcome } from '../../../booking/ledger/types.js';
import type { StripeIntents } from '../../../database/stripe-intents.js';
import type { ChargeRecorder } from '../../charge-recorder.js';
import type { IntentFacts } from './intent-facts.js';
import { readEvent, type StripeNews } from './stripe-events.js';

/**
 * What became of an event. `recorded`: something changed by it. `known`: it says what the ledger knows. `not_ours`:
 * about something that was not made here. `mismatch`: it bears our key and contradicts our books.
 */
export type WebhookResult = 'recorded' | 'known' | 'not_ours' | 'mismatch';

export interface WebhookConcern {
  readonly code: 'STRIPE_EVENT_MISMATCH' | 'STRIPE_REFUND_FAILED';
  readonly eventId: string;
  readonly intentId: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_FENCE = 2 ** 31 - 1;

/**
 * What Stripe says by itself. Nothing depends on it: what an event says is asked for as well, a little later. It may
 * come late, twice, in any order or never; so it says something only about the end of an intent, or of a refund,
 * and only what the ledger would have recorded anyway.
 */
export class StripeWebhook {
  constructor(
    private readonly ledger: Pick<Ledger, 'attempt' | 'refundOf' | 'reopenRefund'>,
    private readonly intents: StripeIntents,
    private readonly recorder: ChargeRecorder,
    private readonly secret: string,
    /** Told of what somebody has to look at. */
    private readonly concern: (about: WebhookConcern) => void,
  ) {}

  /** @throws AppError WEBHOOK_SIGNATURE_INVALID, MALFORMED_BODY */
  async take(
    body: Buffer,
    signature: string | undefined,
    caller: Omit<Actor, 'kind' | 'id'>,
  ): Promise<WebhookResult> {
    const news = readEvent(body, signature, this.secret);
    switch (news.kind) {
      case 'intent':
        return this.intentEnded(news.eventId, news.intent, caller);
      case 'refund_failed':
        return this.refundFailed(news, caller);
      case 'nothing':
        return 'not_ours';
    }
  }

  /** One that was given is pending again. That it failed is worth a look in any case: the next may fail as well. */
  private async refundFailed(
    { eventId, intentId, refundKey }: Extract<StripeNews, { kind: 'refund_failed' }>,
    caller: Omit<Actor, 'kind' | 'id'>,
  ): Promise<WebhookResult> {
    const refund = refundKey === null ? null : await this.ledger.refundOf(refundKey);
    const known = refund === null ? null : await this.intents.find(refund.providerKey);
    if (refund !== null && known?.intentId !== intentId) {
      this.concern({ code: 'STRIPE_EVENT_MISMATCH', eventId, intentId });
      return 'mismatch';
    }
    this.concern({ code: 'STRIPE_REFUND_FAILED', eventId, intentId });
    if (refund === null) return 'not_ours';
    const actor: Actor = { ...caller, kind: 'system', id: 'stripe' };
    return (await this.ledger.reopenRefund(refund.refundKey, actor)) ? 'recorded' : 'known';
  }

  private async intentEnded(
    eventId: string,
    intent: IntentFacts,
    caller: Omit<Actor, 'kind' | 'id'>,
  ): Promise<WebhookResult> {
    const attempt = await this.attemptBehind(intent);
    if (attempt === null) return 'not_ours';
    if (!(await this.isItsIntent(attempt, intent))) {
      // One that lost the race to be written down is canceled by us, and nothing follows from that.
      if (intent.status !== 'succeeded') return 'known';
      this.concern({ code: 'STRIPE_EVENT_MISMATCH', eventId, intentId: intent.id });
      return 'mismatch';
    }
    const outcome = await this.outcomeOf(attempt, intent);
    if (outcome === null) return 'known';
    const moved = await this.recorder.record(attempt, outcome, { ...caller, kind: 'system', id: 'stripe' });
    return moved ? 'recorded' : 'known';
  }

  /** The attempt that the metadata names, where it is one of ours. */
  private async attemptBehind({ key, bookingId, fence }: IntentFacts): Promise<Attempt | null> {
    if (key === null || !UUID.test(bookingId)) return null;
    if (!Number.isSafeInteger(fence) || fence < 1 || fence > MAX_FENCE) return null;
    const attempt = await this.ledger.attempt(bookingId, fence);
    return attempt?.providerKey === key ? attempt : null;
  }

  /** Metadata can be copied: our own note says which intent it is, and the attempt what was to be paid. */
  private async isItsIntent({ providerKey, amount }: Attempt, intent: IntentFacts): Promise<boolean> {
    const known = await this.intents.find(providerKey);
    const money = intent.status === 'succeeded' ? intent.received : intent.amount;
    return (
      known?.intentId === intent.id &&
      money.amountMinor === amount.amountMinor &&
      money.currency === amount.currency
    );
  }

  private async outcomeOf({ providerKey }: Attempt, intent: IntentFacts): Promise<ChargeOutcome | null> {
    switch (intent.status) {
      case 'succeeded':
        return { kind: 'captured' };
      case 'canceled': {
        const { refusal } = await this.intents.close(providerKey, null);
        return refusal === null ? { kind: 'voided' } : { kind: 'declined', reason: refusal };
      }
      case 'requires_payment_method':
        return intent.decline === null ? null : { kind: 'declined', reason: intent.decline };
      default:
        return null;
    }
  }
}
