import { openLedger, type TestLedger } from '../../../support/ledger.js';

/** One sentence about the ledger, and what shows it; throws where it is not true. Each makes its own offers. */
export type Checks = Readonly<Record<string, (world: TestLedger) => Promise<void>>>;

/** Declares the sentences as tests, on one database. */
export function describeChecks(name: string, checks: Checks): void {
  describe(name, () => {
    let world: TestLedger;
    beforeAll(async () => {
      world = await openLedger();
    });
    afterAll(() => world.close());
    it.each(Object.entries(checks))('%s', (_sentence, check) => check(world));
  });
}
