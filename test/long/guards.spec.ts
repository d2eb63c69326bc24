import { SUITES } from '../integration/ledger/checks/suites.js';
import {
  followsTheModel,
  followsTheModelOfStays,
  holdsForACrowd,
  holdsForACrowdOfStays,
} from '../integration/ledger/properties.js';
import { openLedger, type Tampering, type TestLedger } from '../support/ledger.js';
import { GUARDS } from './guards.js';

jest.setTimeout(900_000);

const CHECKS = Object.assign({}, ...Object.values(SUITES)) as Record<
  string,
  (world: TestLedger) => Promise<void>
>;
const PROGRAMMES = {
  model: (world: TestLedger) => followsTheModel(world, 1000, false),
  crowd: (world: TestLedger) => holdsForACrowd(world, 200),
  // some guards of stays are missed once in several hundred programmes
  stays: (world: TestLedger) => followsTheModelOfStays(world, 2500, false),
  'crowd of stays': (world: TestLedger) => holdsForACrowdOfStays(world, 200),
};

/** Whether the check fails on a ledger without the guard. */
async function notices(without: Tampering, check: (world: TestLedger) => Promise<void>): Promise<boolean> {
  const world = await openLedger(without);
  try {
    await check(world);
    return false;
  } catch {
    return true;
  } finally {
    await world.close();
  }
}

describe('Without the guard', () => {
  const cases = GUARDS.flatMap(({ name, without, noticedBy }) =>
    noticedBy.map((sentence) => ({ name, without, sentence })),
  );
  it.each(cases)(
    '"$name" it is no longer true that the ledger "$sentence"',
    async ({ without, sentence }) => {
      const check = CHECKS[sentence];
      if (check === undefined) throw new Error(`there is no such check: ${sentence}`);
      expect(await notices(without, check)).toBe(true);
    },
  );

  const programmes = GUARDS.flatMap(({ name, without, programmes: which = [] }) =>
    which.map((kind) => ({ name, without, kind })),
  );
  it.each(programmes)('"$name" random programmes go wrong ($kind)', async ({ without, kind }) => {
    expect(await notices(without, PROGRAMMES[kind])).toBe(true);
  });
});
