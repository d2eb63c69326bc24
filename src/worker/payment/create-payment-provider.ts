import type { Config } from '../../config/config.js';
import type { Database } from '../../database/database.js';
import { SandboxBank } from '../../database/sandbox-bank.js';
import { StripeIntents } from '../../database/stripe-intents.js';
import type { PaymentProvider } from './payment-provider.js';
import { SandboxPaymentProvider } from './sandbox/sandbox-payment-provider.js';

type Make = (config: Config['payment'], database: Database) => PaymentProvider | Promise<PaymentProvider>;

/** One for each value of `PAYMENT_PROVIDER`. What is not chosen is not loaded where that takes time. */
const PROVIDERS: Readonly<Record<Config['payment']['provider'], Make>> = {
  sandbox: ({ sandbox }, database) => new SandboxPaymentProvider(new SandboxBank(database.url), sandbox),
  stripe: async ({ stripe }, database) => {
    if (stripe === null) throw new Error('PAYMENT_PROVIDER=stripe has its settings');
    const [{ StripeApi }, { StripePaymentProvider }] = await Promise.all([
      import('./stripe/stripe-api.js'),
      import('./stripe/stripe-payment-provider.js'),
    ]);
    return new StripePaymentProvider(new StripeApi(stripe), new StripeIntents(database));
  },
};

/** Whoever makes one closes it. */
export async function createPaymentProvider(
  { payment }: Pick<Config, 'payment'>,
  database: Database,
): Promise<PaymentProvider> {
  return PROVIDERS[payment.provider](payment, database);
}
