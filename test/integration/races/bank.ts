import type { Database } from '../../../src/database/database.js';
import { SandboxBank } from '../../../src/database/sandbox-bank.js';
import { StripeIntents } from '../../../src/database/stripe-intents.js';
import type { PaymentProvider } from '../../../src/worker/payment/payment-provider.js';
import { SandboxPaymentProvider } from '../../../src/worker/payment/sandbox/sandbox-payment-provider.js';
import { StripeApi } from '../../../src/worker/payment/stripe/stripe-api.js';
import { StripePaymentProvider } from '../../../src/worker/payment/stripe/stripe-payment-provider.js';
import { STAND_IN_KEY, StripeStandIn } from '../../support/stripe-stand-in.js';

export type BankName = 'sandbox' | 'stripe';

/** Whoever moves the money in a race, and the payment methods that it knows. */
export interface Bank {
  readonly name: BankName;
  readonly good: string;
  readonly declined: string;
  /** Null where it is no stand-in for Stripe. */
  readonly stripe: StripeStandIn | null;
  /** As one process has it. */
  provider(db: Database): PaymentProvider;
  /** Money that is neither taken nor let go of, in words. */
  hanging(): string[];
  close(): Promise<void>;
}

/** A charge is under way so long at the sandbox: without that there is nothing to come between. */
const UNDER_WAY_MS = 2;

const sandbox: Bank = {
  name: 'sandbox',
  good: 'pm_ok',
  declined: 'pm_decline',
  stripe: null,
  provider: (db) =>
    new SandboxPaymentProvider(new SandboxBank(db.url), {
      ...{ delayMs: UNDER_WAY_MS, declineRate: 0, errorRate: 0, unknownRate: 0 },
    }),
  hanging: () => [],
  close: async () => undefined,
};

const stripeBank = (stripe: StripeStandIn): Bank => ({
  name: 'stripe',
  good: 'pm_card_visa',
  declined: 'pm_card_chargeDeclined',
  stripe,
  provider: (db) =>
    new StripePaymentProvider(
      new StripeApi({
        ...{ secretKey: STAND_IN_KEY, webhookSecret: null, apiUrl: stripe.url, timeoutMs: 10_000 },
      }),
      new StripeIntents(db),
    ),
  hanging: () =>
    stripe.books.all().flatMap(({ id, status, authorised, metadata }) => {
      const about = `intent ${id} of booking ${metadata['bookingId'] ?? '?'}`;
      return [
        ...(status === 'requires_capture' || status === 'processing' ? [`${about} stays ${status}`] : []),
        ...(authorised > 1 ? [`${about} set money aside ${authorised} times`] : []),
      ];
    }),
  close: () => stripe.close(),
});

export async function openBank(name: BankName): Promise<Bank> {
  return name === 'sandbox' ? sandbox : stripeBank(await StripeStandIn.start());
}
