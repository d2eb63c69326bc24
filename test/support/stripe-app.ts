import { startApp, type TestApp } from './app.js';
import type { StandInIntent } from './stripe-books.js';
import type { Delivery } from './stripe-events.js';
import { STAND_IN_KEY, StripeStandIn } from './stripe-stand-in.js';

export const WEBHOOK_SECRET = 'whsec_of_the_tests';

export interface StripeApp extends TestApp {
  readonly stand: StripeStandIn;
  /** What another process of it is started with, on its ground. */
  readonly env: Readonly<Record<string, string>>;
  /** Where Stripe sends its events. */
  readonly door: Delivery;
  /** Intents of a booking, in the order in which they were made. */
  intentsOf(booking: { readonly bookingId: string }): readonly StandInIntent[];
}

/** The real application, paid through a stand-in for Stripe. */
export async function startStripeApp(env: Readonly<Record<string, string>> = {}): Promise<StripeApp> {
  const stand = await StripeStandIn.start();
  const all = {
    PAYMENT_PROVIDER: 'stripe',
    STRIPE_SECRET_KEY: STAND_IN_KEY,
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    STRIPE_API_URL: stand.url,
    PAYMENT_SETTLE_AFTER_SECONDS: '1',
    ...env,
  };
  const test = await startApp(all);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await test.close();
    await stand.close();
  };
  return {
    ...test,
    stand,
    env: all,
    door: { url: `${test.api.url}/api/payments/stripe/webhook`, secret: WEBHOOK_SECRET },
    intentsOf: ({ bookingId }) =>
      stand.books.all().filter(({ metadata }) => metadata['bookingId'] === bookingId),
    close: () => (closing ??= close()),
  };
}
