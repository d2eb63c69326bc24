import { Arena } from '../integration/races/arena.js';
import { run } from '../integration/races/race.js';
import { CASES, raced } from '../integration/races/races.js';
import { openLedger } from '../support/ledger.js';
import { RACE_GUARDS } from './race-guards.js';

jest.setTimeout(900_000);

const REPETITIONS = 1000;

describe('A thousand times, whoever comes first, every charge has exactly one outcome and every invariant holds', () => {
  it.each(CASES)('$name ($bank)', async ({ race, bank }) => {
    const { left, right } = await raced(race, bank, REPETITIONS);
    expect(left + right).toBe(REPETITIONS);
    // Where one side always comes first there was no race.
    expect(Math.min(left, right)).toBeGreaterThan(0);
  });
});

describe('Without the guard', () => {
  it.each(RACE_GUARDS)('"$name" the race "$race" goes wrong', async ({ without, race: named }) => {
    const [found] = CASES.filter(({ name }) => name === named);
    if (found === undefined) throw new Error(`there is no such race: ${named}`);
    const world = await openLedger(without);
    const arena = await Arena.open(world, found.bank);
    try {
      await expect(run(arena, found.race, REPETITIONS, 1)).rejects.toThrow();
    } finally {
      await arena.close();
      await world.close();
    }
  });
});
