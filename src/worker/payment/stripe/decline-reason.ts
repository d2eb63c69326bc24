/**
 * Codes that a customer must not be told: they would tell a thief that the card is known as stolen, or that the
 * rules were tripped.
 */
const KEPT_BACK: ReadonlySet<string> = new Set([
  'fraudulent',
  'generic_decline',
  'highest_risk_level',
  'lost_card',
  'merchant_blacklist',
  'pickup_card',
  'restricted_card',
  'rule',
  'security_violation',
  'stolen_card',
]);
const WELL_FORMED = /^[a-z][a-z0-9_]{0,63}$/;

/** Stripe's account of a refusal: of a card error, or the `last_payment_error` of an intent. */
interface StripeRefusal {
  readonly code?: string | undefined;
  readonly decline_code?: string | undefined;
}

/** The reason as the customer is told: Stripe's own word wherever it helps to pay with more luck. */
export function declineReason({ code, decline_code }: StripeRefusal): string {
  // Either word can ask for the customer to prove who they are.
  if (code === 'authentication_required' || decline_code === 'authentication_required') {
    return 'authentication_required';
  }
  const reason = decline_code !== undefined && decline_code !== '' ? decline_code : code;
  if (reason === undefined || !WELL_FORMED.test(reason) || KEPT_BACK.has(reason)) return 'card_declined';
  return reason;
}

/** The same for what Stripe did not even try: a payment method that is not there, say. */
export function rejectionReason(code: string): string {
  if (code === 'resource_missing') return 'payment_method_invalid';
  return code === 'invalid_request_error' || !WELL_FORMED.test(code) ? 'payment_rejected' : code;
}
