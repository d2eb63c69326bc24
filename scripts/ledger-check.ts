import type { Booking } from '../src/booking/booking.js';
import type { AuditAnchor } from '../src/booking/ledger/audit-verify.js';
import { Ledger } from '../src/booking/ledger/ledger.js';
import type { InvariantName, InvariantReport } from '../src/booking/ledger/types.js';
import type { Config } from '../src/config/config.js';
import { loadConfig } from '../src/config/load.js';
import { Database } from '../src/database/database.js';
import { chargePages } from '../src/worker/payment/charge-pages.js';
import { createPaymentProvider } from '../src/worker/payment/create-payment-provider.js';

/** What each invariant says, in a line for a person. */
export const RULES: Readonly<Record<InvariantName, string>> = {
  F1: 'capacity = available + held + sold, and what the bookings add up to',
  F2: 'nobody was served before somebody earlier who could have been',
  F3: 'every booking is in one state, reached by legal transitions',
  F4: "the ledger's money and the provider's are the same",
  F5: 'each step succeeded once, each ticket has one code',
  F6: 'every transition is in the audit log, and its chain holds',
  F7: 'no customer holds more than one may',
};

export const INVARIANTS: readonly InvariantName[] = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7'];

const PAGE = 1000;

/** Lets `work` read the ledger of a database, beside an application that runs on it or not. */
export async function withLedger<T>(url: string, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const database = new Database(url, 2);
  try {
    return await work(new Ledger(database));
  } finally {
    await database.close();
  }
}

/**
 * F1 to F7 on the ledger and the books of the payment provider: of the sandbox's bank beside it, unless told otherwise.
 * @param anchors heads of the audit chain that were kept elsewhere
 */
export async function checkInvariants(
  url: string,
  config: Pick<Config, 'payment'> = loadConfig({}),
  anchors: readonly AuditAnchor[] = [],
): Promise<InvariantReport> {
  const database = new Database(url, 2);
  try {
    const provider = await createPaymentProvider(config, database);
    try {
      return await new Ledger(database).invariants(chargePages(provider), anchors);
    } finally {
      await provider.close();
    }
  } finally {
    await database.close();
  }
}

/** Every booking of an offer, by id. */
export async function bookingsOf(url: string, offerId: string): Promise<Map<string, Booking>> {
  return withLedger(url, async (ledger) => {
    const found = new Map<string, Booking>();
    let after: string | null = null;
    for (;;) {
      const page: Booking[] = await ledger.exportBookings(offerId, after, PAGE);
      for (const booking of page) found.set(booking.id, booking);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return found;
      after = last.id;
    }
  });
}
