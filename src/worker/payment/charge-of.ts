import type { Attempt } from '../../booking/ledger/types.js';
import type { ChargeAttempt } from './payment-provider.js';

/** What the provider is told of an attempt: every field from its row, so that each repetition is the same. */
export const chargeOf = ({ providerKey, bookingId, fence, amount, method }: Attempt): ChargeAttempt => ({
  key: providerKey,
  bookingId,
  fence,
  ...amount,
  method,
});
