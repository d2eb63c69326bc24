import { randomUUID } from 'node:crypto';
import type { ReservationState, ToldReservation } from '../../../../src/booking/ledger/reservations.js';
import {
  accept,
  ACTOR,
  broken,
  chargesAsTold,
  newOffer,
  payFor,
  refusalOf,
  stateOf,
  type TestLedger,
} from '../../../support/ledger.js';
import { acceptStays, newRooms, night } from '../../../support/stays.js';
import type { Checks } from './check.js';
import { waitsForALock } from './locks.js';

type Stock = Readonly<Record<'capacity' | 'available' | 'held' | 'sold', number>>;

const SERVICE = 'gateway';

/** A booking of another system, for so many tickets of an offer, or rooms for so many nights from the first. */
const reservationOf = (offerId: string, quantity: number, nights?: readonly [number, number]) => {
  const units = {
    ...{ bookingId: randomUUID(), offerId, quantity },
    ...(nights !== undefined && { firstNight: night(nights[0]), lastNight: night(nights[1]) }),
  };
  return (state: ReservationState, fence: number): ToldReservation => ({ ...units, state, fence });
};
const tell = ({ ledger }: Pick<TestLedger, 'ledger'>, told: ToldReservation) =>
  ledger.tellReservation(SERVICE, told, ACTOR);
const stockOf = async ({ sql }: TestLedger, offerId: string): Promise<Stock> => {
  const [row] = await sql<Stock>('select capacity, available, held, sold from stock where offer_id = $1', [
    offerId,
  ]);
  if (row === undefined) throw new Error('the offer has gone');
  return row;
};

async function expectSound(world: TestLedger): Promise<void> {
  expect(await broken(world, await chargesAsTold(world))).toEqual({});
}

export const reservations: Checks = {
  'are held while they are reserved, sold once they are confirmed, and no capacity is changed': async (
    world,
  ) => {
    const { id } = await newOffer(world, { capacity: 10 });
    const theirs = reservationOf(id, 4);
    const steps = [
      [theirs('reserved', 1), { available: 6, held: 4, sold: 0 }],
      [theirs('confirmed', 2), { available: 6, held: 0, sold: 4 }],
      [theirs('reserved', 1), { available: 6, held: 0, sold: 4 }],
      [theirs('reserved', 3), { available: 6, held: 4, sold: 0 }],
      [theirs('released', 3), { available: 10, held: 0, sold: 0 }],
      [theirs('confirmed', 3), { available: 10, held: 0, sold: 0 }],
      [theirs('confirmed', 4), { available: 6, held: 0, sold: 4 }],
      [theirs('released', 5), { available: 10, held: 0, sold: 0 }],
    ] as const;
    for (const [told, units] of steps) {
      await tell(world, told);
      expect(await stockOf(world, id)).toEqual({ capacity: 10, ...units });
      await expectSound(world);
    }
  },

  'are never sold again by a change of the capacity': async (world) => {
    const { id } = await newOffer(world, { capacity: 10 });
    await tell(world, reservationOf(id, 4)('confirmed', 1));
    await tell(world, reservationOf(id, 1)('reserved', 1));
    await world.ledger.changeOffer(id, { capacity: 10 }, ACTOR);
    expect(await stockOf(world, id)).toEqual({ capacity: 10, available: 5, held: 1, sold: 4 });
    await expect(world.ledger.changeOffer(id, { capacity: 4 }, ACTOR)).rejects.toMatchObject({
      code: 'CAPACITY_BELOW_SOLD',
      details: { least: 5 },
    });

    const rooms = await newRooms(world, 3, 2);
    await tell(world, reservationOf(rooms.id, 2, [2, 3])('reserved', 1));
    const nights = [{ from: night(1), to: night(3), capacity: 1 }];
    expect(await refusalOf(world.ledger.changeOffer(rooms.id, { nights }, ACTOR))).toBe(
      'CAPACITY_BELOW_SOLD',
    );
    await expectSound(world);
  },

  'sell nobody out who waits here before they are confirmed': async (world) => {
    const { id } = await newOffer(world, { capacity: 10 });
    const [sold, held] = await accept(world, id, [6, 1]);
    await world.ledger.admit(id, ACTOR);
    await payFor(world, sold?.bookingId ?? '');
    const [waits] = await accept(world, id, [4]);
    await world.ledger.admit(id, ACTOR);
    const theirs = reservationOf(id, 1);
    await tell(world, theirs('reserved', 1));
    await world.ledger.checkSellOut(id, ACTOR);
    expect(await stateOf(world, waits?.bookingId ?? '')).toBe('waiting');
    await tell(world, theirs('released', 1));
    await world.ledger.cancel(held?.bookingId ?? '', ACTOR);
    await world.ledger.admit(id, ACTOR);
    expect(await stateOf(world, waits?.bookingId ?? '')).toBe('held');
    await expectSound(world);
  },

  'sell those out who need more than is left, once they are confirmed': async (world) => {
    const { id } = await newOffer(world, { capacity: 5 });
    await tell(world, reservationOf(id, 2)('reserved', 1));
    const theirs = reservationOf(id, 2);
    await tell(world, theirs('reserved', 1));
    const [four, three] = await accept(world, id, [4, 3]);
    await tell(world, theirs('confirmed', 2));
    expect(await stateOf(world, four?.bookingId ?? '')).toBe('sold_out');
    expect(await stateOf(world, three?.bookingId ?? '')).toBe('waiting');
    await world.ledger.writeSellOut(id, ACTOR);

    const rooms = await newRooms(world, 3, 1);
    const stay = reservationOf(rooms.id, 1, [2, 2]);
    await tell(world, stay('reserved', 1));
    const [over, beside] = await acceptStays(world, rooms.id, [
      [1, 2],
      [3, 3],
    ]);
    await world.ledger.writeSellOut(rooms.id, ACTOR);
    expect(await stateOf(world, over?.bookingId ?? '')).toBe('waiting');
    await tell(world, stay('confirmed', 2));
    await world.ledger.writeSellOut(rooms.id, ACTOR);
    expect(await stateOf(world, over?.bookingId ?? '')).toBe('sold_out');
    expect(await stateOf(world, beside?.bookingId ?? '')).toBe('waiting');
    await expectSound(world);
  },

  'go to whoever waits here for them when they come back': async (world) => {
    const { id } = await newOffer(world, { capacity: 2 });
    const theirs = reservationOf(id, 2);
    await tell(world, theirs('reserved', 1));
    const [waits] = await accept(world, id, [2]);
    await world.ledger.admit(id, ACTOR);
    const kept = await tell(world, theirs('released', 1));
    expect(kept?.line?.wantsAdmission).toBe(true);
    await world.ledger.admit(id, ACTOR);
    expect(await stateOf(world, waits?.bookingId ?? '')).toBe('held');

    const rooms = await newRooms(world, 3, 1);
    const stay = reservationOf(rooms.id, 1, [1, 3]);
    await tell(world, stay('reserved', 1));
    const [guest] = await acceptStays(world, rooms.id, [[2, 3]]);
    await world.ledger.admit(rooms.id, ACTOR);
    await tell(world, stay('released', 1));
    await world.ledger.admit(rooms.id, ACTOR);
    expect(await stateOf(world, guest?.bookingId ?? '')).toBe('held');
    await expectSound(world);
  },

  'are not taken while somebody who waits here fits into them': async (world) => {
    const { id } = await newOffer(world, { capacity: 3 });
    const [first, second] = await accept(world, id, [2, 2]);
    const theirs = reservationOf(id, 1);
    for (const told of [theirs('reserved', 1), theirs('confirmed', 1)]) {
      await expect(tell(world, told)).rejects.toMatchObject({
        code: 'OTHERS_FIRST',
        details: { retryAfterSeconds: 1 },
      });
    }
    // What nobody can have is said at once.
    expect(await refusalOf(tell(world, reservationOf(id, 4)('reserved', 1)))).toBe('SOLD_OUT');
    expect(await stockOf(world, id)).toMatchObject({ available: 3, held: 0 });
    await world.ledger.admit(id, ACTOR);
    expect(await stateOf(world, first?.bookingId ?? '')).toBe('held');
    // The second does not fit into what is left, whether it was looked at since or not.
    await world.ledger.changeOffer(id, { paused: true }, ACTOR);
    await tell(world, theirs('reserved', 1));
    await world.ledger.cancel(first?.bookingId ?? '', ACTOR);
    expect(await refusalOf(tell(world, reservationOf(id, 1)('reserved', 1)))).toBe('OTHERS_FIRST');
    // What it has already, it goes on to have.
    await tell(world, theirs('confirmed', 2));
    await world.ledger.changeOffer(id, { paused: false }, ACTOR);
    await world.ledger.admit(id, ACTOR);
    expect(await stateOf(world, second?.bookingId ?? '')).toBe('held');
    await expectSound(world);
  },

  'of rooms wait for those alone who need one of their nights': async (world) => {
    const { id } = await newRooms(world, 20, 1);
    const [guest] = await acceptStays(world, id, [[3, 5]]);
    const over = reservationOf(id, 1, [5, 6]);
    expect(await refusalOf(tell(world, over('reserved', 1)))).toBe('OTHERS_FIRST');
    await tell(world, reservationOf(id, 1, [6, 7])('reserved', 1));
    await tell(world, reservationOf(id, 1, [1, 2])('reserved', 1));
    await world.ledger.admit(id, ACTOR);
    expect(await stateOf(world, guest?.bookingId ?? '')).toBe('held');
    expect(await refusalOf(tell(world, over('reserved', 1)))).toBe('SOLD_OUT');
    // A stay that one of its nights is missing for has no claim to the others.
    await acceptStays(world, id, [[7, 9]]);
    await world.ledger.changeOffer(id, { title: 'looked at again' }, ACTOR);
    await tell(world, reservationOf(id, 1, [8, 8])('confirmed', 1));
    await expectSound(world);
  },

  'that overtook somebody who waits are found by F2': async (world) => {
    const { id } = await newOffer(world, { capacity: 2 });
    await accept(world, id, [1]);
    await world.sql('update booking_line set admitted = wanted where offer_id = $1', [id]);
    await tell(world, reservationOf(id, 1)('reserved', 1));
    expect(Object.keys(await broken(world, await chargesAsTold(world)))).toEqual(['F2']);
    // One of a time when nobody was judged.
    await world.sql(`update audit_event set detail = detail - 'afterSeq' where offer_id = $1`, [id]);
    await expectSound(world);
  },

  'are taken at once where nobody waits, whatever was looked at': async (world) => {
    const { id } = await newOffer(world, { capacity: 2 });
    const [only] = await accept(world, id, [1]);
    await world.ledger.cancel(only?.bookingId ?? '', ACTOR);
    expect((await tell(world, reservationOf(id, 2)('reserved', 1)))?.reservation.state).toBe('reserved');
  },

  'are no more than there are, on each night': async (world) => {
    const { id } = await newOffer(world, { capacity: 3 });
    await tell(world, reservationOf(id, 2)('reserved', 1));
    expect(await refusalOf(tell(world, reservationOf(id, 2)('confirmed', 1)))).toBe('SOLD_OUT');
    const rooms = await newRooms(world, 4, 1);
    await tell(world, reservationOf(rooms.id, 1, [3, 3])('confirmed', 1));
    const over = reservationOf(rooms.id, 1, [2, 4]);
    expect(await refusalOf(tell(world, over('reserved', 1)))).toBe('SOLD_OUT');
    expect(await refusalOf(tell(world, reservationOf(rooms.id, 1, [4, 5])('reserved', 1)))).toBe(
      'NIGHT_NOT_ON_SALE',
    );
    // What was refused has left no trace: it may be told of other units.
    await tell(world, { ...over('reserved', 1), firstNight: night(1), lastNight: night(2) });
    await expectSound(world);
  },

  'are of one offer, also where two are told of them at once': async (world) => {
    const offers = [await newOffer(world, { capacity: 10 }), await newOffer(world, { capacity: 10 })];
    const [one, two] = offers.map(({ id }) => id) as [string, string];
    const theirs = reservationOf(one, 3);
    const session = await world.session();
    await session.query('begin');
    await tell({ ledger: world.within(session) }, theirs('reserved', 1));
    const second = refusalOf(tell(world, { ...theirs('reserved', 1), offerId: two }));
    await waitsForALock(world, 'the second', second);
    await session.query('commit');
    expect(await second).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await stockOf(world, two)).toMatchObject({ available: 10, held: 0 });
    expect(await world.ledger.reservedOffer(SERVICE, theirs('reserved', 1).bookingId)).toMatchObject({
      id: one,
    });
    await tell(world, theirs('released', 2));
    expect(await stockOf(world, one)).toMatchObject({ available: 10, held: 0 });
    await expectSound(world);
  },

  'that were claimed by a call that was undone belong to the one that waited for it': async (world) => {
    const offers = [await newOffer(world, { capacity: 10 }), await newOffer(world, { capacity: 10 })];
    const [one, two] = offers.map(({ id }) => id) as [string, string];
    const theirs = reservationOf(one, 3);
    const session = await world.session();
    await session.query('begin');
    await tell({ ledger: world.within(session) }, theirs('reserved', 1));
    const second = tell(world, { ...theirs('reserved', 1), offerId: two });
    await waitsForALock(world, 'the second', second);
    await session.query('rollback');
    expect((await second)?.reservation.offerId).toBe(two);
    expect(await stockOf(world, one)).toMatchObject({ available: 10, held: 0 });
    expect(await stockOf(world, two)).toMatchObject({ available: 7, held: 3 });
  },

  'that no reservation accounts for are found by F1, and what nobody recorded by F6': async (world) => {
    const { id } = await newOffer(world, { capacity: 10 });
    const theirs = reservationOf(id, 3);
    await tell(world, theirs('reserved', 1));
    const { bookingId } = theirs('reserved', 1);
    await world.sql(`update reservation set state = 'released' where booking_id = $1`, [bookingId]);
    expect(Object.keys(await broken(world, await chargesAsTold(world)))).toEqual(['F1', 'F6']);
    await world.sql(`update reservation set state = 'reserved' where booking_id = $1`, [bookingId]);
    await expectSound(world);
  },
};
