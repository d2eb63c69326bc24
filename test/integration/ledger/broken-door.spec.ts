import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger } from '../../../src/booking/ledger/ledger.js';
import { DoorDatabase } from '../../../src/database/door-database.js';
import {
  accepted,
  MAX_LENGTH,
  newOffer,
  openLedger,
  requestFor,
  type TestLedger,
} from '../../support/ledger.js';

const ROUNDS = 20;
const BATCH = 150;

describe('A door whose connection breaks with two batches under way', () => {
  let world: TestLedger;
  let door: DoorDatabase;
  let ledger: Ledger;
  beforeAll(async () => {
    world = await openLedger();
    door = new DoorDatabase(world.url, () => undefined);
    ledger = new Ledger(world.db, door);
  });
  afterAll(async () => {
    await door.close();
    await world.close();
  });

  /** How many connections were cut. */
  async function cut(): Promise<number> {
    const ended = await world.sql<{ ended: boolean }>(
      `with busy as materialized (select pid from pg_stat_activity
         where datname = current_database() and state = 'active' and query like $1)
       select pg_terminate_backend(pid) as ended from busy`,
      ['select * from accept_bookings%'],
    );
    return ended.length;
  }

  it('enters everybody once, under the number that they are told', async () => {
    const { id } = await newOffer(world, { capacity: 10 });
    const told = new Map<string, number>();
    let cuts = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const batches = [0, 1].map(() => Array.from({ length: BATCH }, () => requestFor(id)));
      const both = Promise.all(batches.map((batch) => ledger.accept(batch, MAX_LENGTH)));
      await sleep(round % 10);
      cuts += await cut();
      for (const { outcomes } of await both) {
        for (const { bookingId, seq } of outcomes.map(accepted)) told.set(bookingId, seq);
      }
    }
    expect(cuts).toBeGreaterThan(0);
    const rows = await world.sql<{ id: string; seq: number }>(
      'select id, seq::integer as seq from booking where offer_id = $1 order by seq',
      [id],
    );
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 2 * BATCH * ROUNDS }, (_, n) => n + 1));
    expect(new Map(rows.map((row) => [row.id, row.seq]))).toEqual(told);
  });
});
