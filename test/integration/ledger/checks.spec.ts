import { openLedger, type TestLedger } from '../../support/ledger.js';
import { SUITES } from './checks/suites.js';

jest.setTimeout(60_000);

describe.each(Object.entries(SUITES))('%s', (_name, checks) => {
  let world: TestLedger;
  beforeAll(async () => {
    world = await openLedger();
  });
  afterAll(() => world.close());

  it.each(Object.entries(checks))('%s', (_sentence, check) => check(world));
});
