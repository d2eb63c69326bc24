import type Stripe from 'stripe';
import type { Money } from '../../../booking/booking.js';
import { declineReason } from './decline-reason.js';
import { fromStripe } from './stripe-amount.js';

/** The member of an intent's and of a refund's metadata that holds our key; what has none is not ours. */
export const INTENT_KEY = 'fairline_key';

/** What we look at of an intent. */
export interface IntentFacts {
  readonly id: string;
  readonly status: string;
  /** Null for an intent that we did not make. */
  readonly key: string | null;
  readonly bookingId: string;
  readonly fence: number;
  /** What was to be paid. */
  readonly amount: Money;
  /** What was taken. */
  readonly received: Money;
  /** Why the bank said no; null where it did not. */
  readonly decline: string | null;
  readonly refundedMinor: number;
}

export interface RefundFacts {
  readonly id: string;
  /** Null for a refund that was not made here. */
  readonly key: string | null;
  readonly state: 'succeeded' | 'pending' | 'failed';
  readonly amount: Money;
}

export function factsOf(intent: Stripe.PaymentIntent): IntentFacts {
  const { id, status, metadata, currency } = intent;
  return {
    id,
    status,
    key: metadata[INTENT_KEY] ?? null,
    bookingId: metadata['bookingId'] ?? '',
    fence: Number(metadata['fence']),
    amount: fromStripe(intent.amount, currency),
    received: fromStripe(intent.amount_received, currency),
    decline: intent.last_payment_error === null ? null : declineReason(intent.last_payment_error),
    refundedMinor: fromStripe(refundedOf(intent.latest_charge), currency).amountMinor,
  };
}

export function refundFactsOf(refund: Stripe.Refund): RefundFacts {
  return {
    id: refund.id,
    key: refund.metadata?.[INTENT_KEY] ?? null,
    state: stateOf(refund.status),
    amount: fromStripe(refund.amount, refund.currency),
  };
}

/** What is on its way back for certain. The charge's own sum counts refunds that are still pending as well. */
function refundedOf(charge: Stripe.PaymentIntent['latest_charge']): number {
  if (charge === null || typeof charge === 'string') return 0;
  const refunds = charge.refunds ?? null;
  if (refunds === null || refunds.has_more) return charge.amount_refunded;
  return refunds.data
    .filter(({ status }) => stateOf(status) === 'succeeded')
    .reduce((sum, { amount }) => sum + amount, 0);
}

function stateOf(status: string | null): RefundFacts['state'] {
  if (status === 'succeeded') return 'succeeded';
  return status === 'failed' || status === 'canceled' ? 'failed' : 'pending';
}
