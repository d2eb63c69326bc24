import { REVISION } from '../../../src/database/migrations/index.js';
import { migrate } from '../../../src/database/migrate.js';
import { ROUTINES } from '../../../src/booking/ledger/ledger.js';
import {
  accept,
  ACTOR,
  broken,
  chargesAsTold,
  newOffer,
  openLedger,
  type TestLedger,
} from '../../support/ledger.js';

let world: TestLedger;
beforeAll(async () => {
  world = await openLedger();
});
afterAll(async () => {
  await world.close();
});

describe('A line whose last grant is long ago', () => {
  it.each([13, 24, 37, 24 * 10, 24 * 365])('is read, joined and granted after %i hours', async (hours) => {
    const { id } = await newOffer(world, { capacity: 2 });
    await accept(world, id, [1]);
    await world.ledger.admit(id, ACTOR);
    await world.sql(
      `update booking_line set granted_at = granted_at - make_interval(hours => $2), grants_per_minute = 100 where offer_id = $1`,
      [id, hours],
    );
    await accept(world, id, [1]);
    expect((await world.ledger.readLine(id, null))?.state.waiting).toBe(1);
    expect((await world.ledger.admit(id, ACTOR))?.bookings).toHaveLength(1);
    expect((await world.ledger.lines()).some((line) => line.offerId === id)).toBe(true);
  });
});

describe('Money that was taken twice', () => {
  it('is found, whatever our own record of the attempts says', async () => {
    const { id } = await newOffer(world, { capacity: 1 });
    const [booking] = await accept(world, id, [1]);
    const bookingId = booking?.bookingId ?? '';
    await world.ledger.admit(id, ACTOR);
    await world.ledger.pay(bookingId, 'pm_one', null, ACTOR);
    await world.ledger.recordCharge(bookingId, 2, { kind: 'declined', reason: 'card_declined' }, ACTOR);
    await world.ledger.pay(bookingId, 'pm_two', null, ACTOR);
    await world.ledger.recordCharge(bookingId, 4, { kind: 'captured' }, ACTOR);
    const told = await chargesAsTold(world);
    expect((await broken(world, told))['F4'] ?? []).toEqual([]);
    const [once] = told.filter((charge) => charge.key === `${bookingId}-4`);
    if (once === undefined) throw new Error('the charge is not told');
    const twice = [...told, { ...once, key: `${bookingId}-2` }];
    expect((await broken(world, twice))['F4']?.join()).toMatch(/charged 2 times/);
  });
});

describe('A database that a newer release has changed', () => {
  it('is left as it is by a process of an older one', async () => {
    await world.sql(`update setting set value = $1 where name = 'revision'`, [String(REVISION + 1)]);
    await world.sql(`update setting set value = 'of a newer release' where name = 'routines'`);
    await migrate(world.url, ROUTINES);
    const rows = await world.sql<{ value: string }>(`select value from setting where name = 'routines'`);
    expect(rows).toEqual([{ value: 'of a newer release' }]);
  });
});
