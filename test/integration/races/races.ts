import { openLedger } from '../../support/ledger.js';
import { seedOf } from '../ledger/program.js';
import { Arena } from './arena.js';
import type { BankName } from './bank.js';
import { LINE_RACES } from './line-races.js';
import { MONEY_RACES } from './money-races.js';
import { run, type Race, type Tally } from './race.js';

const RACES: readonly Race[] = [...LINE_RACES, ...MONEY_RACES];

/** A row for each race and each provider that it is run with. */
export const CASES = RACES.flatMap((race) => race.banks.map((bank) => ({ name: race.name, bank, race })));

/** On a ledger of its own; prints the seed and how often each side came first. */
export async function raced(race: Race, bank: BankName, repetitions: number): Promise<Tally> {
  const seed = seedOf(`${race.name} (${bank})`);
  const world = await openLedger();
  const arena = await Arena.open(world, bank);
  try {
    const tally = await run(arena, race, repetitions, seed);
    process.stdout.write(`${race.name} (${bank}): left ${tally.left}, right ${tally.right}\n`);
    return tally;
  } finally {
    await arena.close();
    await world.close();
  }
}
