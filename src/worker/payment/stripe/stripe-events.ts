import Stripe from 'stripe';
import { AppError } from '../../../common/errors.js';
import { factsOf, refundFactsOf, type IntentFacts } from './intent-facts.js';

/** An event older than this is not believed, whoever signed it: what was written down once cannot be sent for ever. */
const TOLERANCE_SECONDS = 300;

/** What an event says, as far as payments are concerned. */
export type StripeNews =
  | { readonly kind: 'intent'; readonly eventId: string; readonly intent: IntentFacts }
  | {
      readonly kind: 'refund_failed';
      readonly eventId: string;
      readonly intentId: string;
      /** Null for a refund that was not made here. */
      readonly refundKey: string | null;
    }
  | { readonly kind: 'nothing'; readonly eventId: string };

/**
 * @throws AppError WEBHOOK_SIGNATURE_INVALID where Stripe did not sign these bytes, or did so too long ago;
 * MALFORMED_BODY where it signed no event
 */
export function readEvent(body: Buffer, signature: string | undefined, secret: string): StripeNews {
  const event = verified(body, signature, secret);
  switch (event.type) {
    // An intent in any of these states stays in it, or has been confirmed the one time that it is.
    case 'payment_intent.succeeded':
    case 'payment_intent.canceled':
    case 'payment_intent.payment_failed':
      return { kind: 'intent', eventId: event.id, intent: factsOf(event.data.object) };
    // Three names for one thing, by the age of the endpoint.
    case 'refund.failed':
    case 'refund.updated':
    case 'charge.refund.updated': {
      const { key: refundKey, state } = refundFactsOf(event.data.object);
      if (state !== 'failed') return { kind: 'nothing', eventId: event.id };
      const { payment_intent } = event.data.object;
      const intentId = typeof payment_intent === 'string' ? payment_intent : (payment_intent?.id ?? '');
      return { kind: 'refund_failed', eventId: event.id, intentId, refundKey };
    }
    default:
      return { kind: 'nothing', eventId: event.id };
  }
}

function verified(body: Buffer, signature: string | undefined, secret: string): Stripe.Event {
  try {
    return Stripe.webhooks.constructEvent(body, signature ?? '', secret, TOLERANCE_SECONDS);
  } catch (error) {
    const isForged = error instanceof Stripe.errors.StripeSignatureVerificationError;
    // The library's own message holds the whole body.
    throw new AppError(isForged ? 'WEBHOOK_SIGNATURE_INVALID' : 'MALFORMED_BODY');
  }
}
