import type { TestLedger } from '../../../support/ledger.js';

/** One sentence about the ledger, and what shows it; throws where it is not true. Each makes its own offers. */
export type Checks = Readonly<Record<string, (world: TestLedger) => Promise<void>>>;
