import fc from 'fast-check';
import type { ProviderCharge } from '../../../src/booking/ledger/types.js';
import { broken, chargesAsTold, type TestLedger } from '../../support/ledger.js';
import { Crowd, TICKETS, type Sale } from './crowd.js';
import { rooms } from './noon-hotel.js';
import { type Command, command, nights, rules, seedOf } from './program.js';
import { StayTwin } from './twin-stays.js';
import { Twin } from './twin.js';

const CUSTOMERS = 6;

/** Any programme of commands, one after the other: the ledger does what the model does, and keeps its invariants. */
export async function followsTheModel(
  world: TestLedger,
  runs: number,
  /** Whether a programme that goes wrong is made as short as it can be. */
  shrink = true,
): Promise<void> {
  await follows(world, Twin, command(CUSTOMERS), 'one after the other', runs, shrink);
}

/** The same for stays. */
export async function followsTheModelOfStays(world: TestLedger, runs: number, shrink = true): Promise<void> {
  await follows(world, StayTwin, command(CUSTOMERS, nights), 'stays one after the other', runs, shrink);
}

async function follows(
  world: TestLedger,
  twins: Pick<typeof Twin, 'open'>,
  commands: fc.Arbitrary<Command>,
  name: string,
  runs: number,
  shrink: boolean,
): Promise<void> {
  const programmes = fc.array(commands, { minLength: 5, maxLength: 45, size: 'max' });
  await fc.assert(
    fc.asyncProperty(rules, programmes, async (drawn, programme) => {
      const twin = await twins.open(world, drawn);
      await twin.run(programme);
    }),
    { numRuns: runs, seed: seedOf(name), endOnFailure: !shrink },
  );
  expect(await broken(world, await chargesAsTold(world))).toEqual({});
}

const PROCESSES = 3;
const DEADLOCKS = `select deadlocks from pg_stat_database where datname = current_database()`;

/** Any programmes of several processes at once: whatever the interleaving, every invariant holds and nothing is left. */
export async function holdsForACrowd(world: TestLedger, runs: number): Promise<void> {
  await holds(world, TICKETS, command(CUSTOMERS), 'all at once', runs);
}

/** The same for stays. */
export async function holdsForACrowdOfStays(world: TestLedger, runs: number): Promise<void> {
  await holds(world, rooms(), command(CUSTOMERS, nights), 'stays all at once', runs);
}

async function holds(
  world: TestLedger,
  sale: Sale,
  commands: fc.Arbitrary<Command>,
  name: string,
  runs: number,
): Promise<void> {
  const processes = Array.from({ length: PROCESSES }, () => world.another().ledger);
  const programme = fc.array(commands, { minLength: 5, maxLength: 25, size: 'max' });
  const programmes = fc.array(programme, { minLength: 2, maxLength: 5 });
  const charges = new Map<string, ProviderCharge>();
  const found = (): Promise<unknown> => broken(world, [...charges.values()]);
  await fc.assert(
    fc.asyncProperty(rules, programmes, async (drawn, drawnProgrammes) => {
      const crowd = await Crowd.meet(world, processes, drawn, charges, sale);
      await crowd.run(drawnProgrammes);
      expect(await found()).toEqual({});
      await crowd.settle();
      expect(await crowd.unsettled()).toEqual([]);
    }),
    // Another run of the same programmes interleaves otherwise: there is nothing to shrink.
    { numRuns: runs, seed: seedOf(name), endOnFailure: true },
  );
  while ((await world.ledger.seal()) > 0);
  expect(await found()).toEqual({});
  expect(await world.sql(DEADLOCKS)).toEqual([{ deadlocks: '0' }]);
}
