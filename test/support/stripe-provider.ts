import { randomUUID } from 'node:crypto';
import { Database } from '../../src/database/database.js';
import { sql as stripeIntents } from '../../src/database/migrations/0005-stripe-intents.js';
import { sql as stripeRefusals } from '../../src/database/migrations/0006-stripe-refusals.js';
import { StripeIntents } from '../../src/database/stripe-intents.js';
import type {
  ChargeAttempt,
  PaymentProvider,
  ProviderCharge,
} from '../../src/worker/payment/payment-provider.js';
import { StripeApi } from '../../src/worker/payment/stripe/stripe-api.js';
import { StripePaymentProvider } from '../../src/worker/payment/stripe/stripe-payment-provider.js';
import { createTestDatabase } from './database.js';
import type { StandInIntent } from './stripe-books.js';
import { STAND_IN_KEY, StripeStandIn } from './stripe-stand-in.js';

/** A stand-in for Stripe, and a database with the table in which we note its intents. */
export class StripeGround {
  private readonly opened: (() => Promise<void>)[] = [];

  private constructor(
    readonly stand: StripeStandIn,
    private readonly databaseUrl: string,
    private readonly drop: () => Promise<void>,
  ) {}

  static async prepare(): Promise<StripeGround> {
    const created = await createTestDatabase();
    const database = new Database(created.url, 2);
    await database.call({ name: 'table', text: stripeIntents }, []);
    await database.call({ name: 'column', text: stripeRefusals }, []);
    await database.close();
    return new StripeGround(await StripeStandIn.start(), created.url, () => created.drop());
  }

  /** A provider as one process has it. */
  provider(timeoutMs = 10_000): StripePaymentProvider {
    const database = new Database(this.databaseUrl, 4);
    const api = new StripeApi({
      ...{ secretKey: STAND_IN_KEY, webhookSecret: null, apiUrl: this.stand.url, timeoutMs },
    });
    const provider = new StripePaymentProvider(api, new StripeIntents(database));
    this.opened.push(async () => {
      await provider.close();
      await database.close();
    });
    return provider;
  }

  /** Intents of an attempt, made at Stripe. */
  intentsOf({ key }: { readonly key: string }): readonly StandInIntent[] {
    return this.stand.books.all().filter(({ metadata }) => metadata['fairline_key'] === key);
  }

  async release(): Promise<void> {
    await Promise.all(this.opened.map((close) => close()));
    await this.stand.close();
    await this.drop();
  }
}

export function stripeAttempt(method: string, change: Partial<ChargeAttempt> = {}): ChargeAttempt {
  const bookingId = randomUUID();
  return {
    ...{ key: `${bookingId}-2`, bookingId, fence: 2, amountMinor: 4500, currency: 'EUR', method },
    ...change,
  };
}

/** The provider's whole books. */
export async function allCharges(provider: PaymentProvider, limit = 7): Promise<ProviderCharge[]> {
  const found: ProviderCharge[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<PaymentProvider['charges']>> = await provider.charges({ after, limit });
    found.push(...page.charges);
    after = page.next;
  } while (after !== null);
  return found;
}
