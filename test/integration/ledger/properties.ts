import fc from 'fast-check';
import { broken, chargesAsTold, type TestLedger } from '../../support/ledger.js';
import { command, rules, seedOf } from './program.js';
import { Twin } from './twin.js';

const CUSTOMERS = 6;

/** Any programme of commands, one after the other: the ledger does what the model does, and keeps its invariants. */
export async function followsTheModel(world: TestLedger, runs: number): Promise<void> {
  const commands = fc.array(command(CUSTOMERS), { minLength: 5, maxLength: 45, size: 'max' });
  await fc.assert(
    fc.asyncProperty(rules, commands, async (drawn, programme) => {
      const twin = await Twin.open(world, drawn);
      await twin.run(programme);
    }),
    { numRuns: runs, seed: seedOf('one after the other') },
  );
  expect(await broken(world, await chargesAsTold(world))).toEqual({});
}
