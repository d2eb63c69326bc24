import type { PaymentProvider, ProviderCharge } from './payment-provider.js';

const CHARGES_AT_ONCE = 1000;

/** The provider's whole books, to be compared with the ledger. */
export async function* chargePages(provider: PaymentProvider): AsyncGenerator<readonly ProviderCharge[]> {
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<PaymentProvider['charges']>> = await provider.charges({
      after,
      limit: CHARGES_AT_ONCE,
    });
    yield page.charges;
    after = page.next;
  } while (after !== null);
}
