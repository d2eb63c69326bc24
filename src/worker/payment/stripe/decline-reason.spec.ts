import { declineReason, rejectionReason } from './decline-reason.js';

describe('the reason of a decline, as the customer is told', () => {
  it.each([
    [{ code: 'card_declined', decline_code: 'insufficient_funds' }, 'insufficient_funds'],
    [{ code: 'expired_card', decline_code: '' }, 'expired_card'],
    [{ code: 'incorrect_cvc' }, 'incorrect_cvc'],
    [{ code: 'authentication_required', decline_code: 'generic_decline' }, 'authentication_required'],
    [{ code: 'card_declined', decline_code: 'authentication_required' }, 'authentication_required'],
    // would tell a thief
    [{ code: 'card_declined', decline_code: 'stolen_card' }, 'card_declined'],
    [{ code: 'card_declined', decline_code: 'fraudulent' }, 'card_declined'],
    // says nothing, or is no code
    [{ code: 'card_declined', decline_code: 'generic_decline' }, 'card_declined'],
    [{ code: 'Your card (4242) was declined' }, 'card_declined'],
    [{}, 'card_declined'],
  ])('of %j is %s', (refusal, reason) => {
    expect(declineReason(refusal)).toBe(reason);
  });

  it('tells a payment method that is not there from what Stripe does not do', () => {
    expect(rejectionReason('resource_missing')).toBe('payment_method_invalid');
    expect(rejectionReason('amount_too_small')).toBe('amount_too_small');
    expect(rejectionReason('invalid_request_error')).toBe('payment_rejected');
  });
});
