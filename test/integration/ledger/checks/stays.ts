import { setTimeout as sleep } from 'node:timers/promises';
import { acceptStays as sendStays } from '../../../../src/booking/ledger/accept-stays.js';
import { writeSellOut } from '../../../../src/booking/ledger/sell-out.js';
import type { Acceptance } from '../../../../src/booking/ledger/types.js';
import {
  accepted,
  ACTOR,
  broken,
  chargesAsTold,
  codeOf,
  MAX_LENGTH,
  newOffer,
  payFor,
  requestFor,
  stateOf,
  type TestLedger,
} from '../../../support/ledger.js';
import { acceptStays, dayFromNow, newRooms, night, stayFor } from '../../../support/stays.js';
import type { Checks } from './check.js';

type Range = readonly [first: number, last: number];

const idOf = (acceptance: Acceptance | undefined): string => acceptance?.bookingId ?? '';
const statesOf = (world: TestLedger, stays: readonly Acceptance[]): Promise<string[]> =>
  Promise.all(stays.map(({ bookingId }) => stateOf(world, bookingId)));
const granted = async ({ ledger }: TestLedger, offerId: string, limit?: number): Promise<number[]> =>
  ((await ledger.admit(offerId, ACTOR, limit))?.bookings ?? []).map(({ seq }) => seq);
const capacity = ({ ledger }: TestLedger, offerId: string, [first, last]: Range, units: number) =>
  ledger.changeOffer(offerId, { nights: [{ from: night(first), to: night(last), capacity: units }] }, ACTOR);

/** Rooms of one unit for each night, all of them held, and these stays waiting. */
async function full(
  world: TestLedger,
  nights: number,
  waiting: readonly Range[],
): Promise<{ id: string; holds: Acceptance[]; stays: Acceptance[] }> {
  const { id } = await newRooms(world, nights, 1);
  const each = Array.from({ length: nights }, (_, index): Range => [index + 1, index + 1]);
  const holds = await acceptStays(world, id, each);
  await world.ledger.admit(id, ACTOR);
  return { id, holds, stays: await acceptStays(world, id, waiting) };
}

async function expectSound(world: TestLedger): Promise<void> {
  expect(await broken(world, await chargesAsTold(world))).toEqual({});
}

export const stays: Checks = {
  'grants a stay only where each of its nights has a unit': async (world) => {
    const { id, holds } = await full(world, 3, [[1, 3]]);
    await world.ledger.cancel(idOf(holds[0]), ACTOR);
    await world.ledger.cancel(idOf(holds[2]), ACTOR);
    expect(await granted(world, id)).toEqual([]);
    await world.ledger.cancel(idOf(holds[1]), ACTOR);
    expect(await granted(world, id)).toEqual([4]);

    // Two for the first night, one for the others: the second stay finds only its first night.
    const other = await full(world, 3, [
      [1, 2],
      [1, 3],
    ]);
    await capacity(world, other.id, [1, 1], 2);
    for (const hold of other.holds) await world.ledger.cancel(idOf(hold), ACTOR);
    expect(await granted(world, other.id)).toEqual([4]);
  },

  'gives nights that came back to the earliest who fit, whatever their kinds, and those who came since after them':
    async (world) => {
      const { id, holds } = await full(world, 4, [
        [1, 3],
        [2, 3],
        [2, 2],
        [1, 2],
      ]);
      for (const hold of holds.slice(1)) await world.ledger.cancel(idOf(hold), ACTOR);
      await acceptStays(world, id, [
        [2, 4],
        [4, 4],
      ]);
      expect(await granted(world, id)).toEqual([6, 10]);
      await world.ledger.cancel(idOf(holds[0]), ACTOR);
      expect(await granted(world, id)).toEqual([]);
      await expectSound(world);
    },

  'gives a night that came back to whoever has waited for it, however it came back': async (world) => {
    const {
      id,
      holds,
      stays: waiting,
    } = await full(world, 5, [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
    ]);
    expect(await granted(world, id)).toEqual([]);
    await world.ledger.cancel(idOf(holds[0]), ACTOR);
    expect(await granted(world, id)).toEqual([6]);
    await world.sql(`update booking set deadline = now() - interval '1 s' where id = $1`, [idOf(holds[1])]);
    await world.ledger.expire(id, ACTOR);
    expect(await granted(world, id)).toEqual([7]);
    await payFor(world, idOf(holds[2]));
    await world.ledger.refund(idOf(holds[2]), 'BY_OPERATOR', false, null, ACTOR);
    expect(await granted(world, id)).toEqual([8]);
    await capacity(world, id, [4, 4], 2);
    expect(await granted(world, id)).toEqual([9]);
    await world.ledger.pay(idOf(holds[4]), 'pm_ok', null, ACTOR);
    await world.sql(`update booking set deadline = now() - interval '1 s' where id = $1`, [idOf(holds[4])]);
    await world.ledger.recordCharge(idOf(holds[4]), 2, { kind: 'declined', reason: 'NO' }, ACTOR);
    expect(await granted(world, id)).toEqual([10]);
    expect(new Set(await statesOf(world, waiting))).toEqual(new Set(['held']));
  },

  'forgets nobody where a call reaches its limit': async (world) => {
    const { id } = await newRooms(world, 6, 1);
    await acceptStays(world, id, [
      [1, 2],
      [1, 1],
      [3, 3],
      [2, 3],
      [4, 5],
      [6, 6],
    ]);
    expect(await granted(world, id, 2)).toEqual([1, 3]);
    expect(await granted(world, id, 2)).toEqual([5, 6]);
    expect(await granted(world, id, 2)).toEqual([]);
  },

  'forgets nobody who waited for nights that came back where a call reaches its limit': async (world) => {
    const { id } = await full(world, 1, [
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    await capacity(world, id, [1, 1], 4);
    expect(await granted(world, id, 2)).toEqual([2, 3]);
    expect(await granted(world, id, 2)).toEqual([4]);
  },

  'gives a night to the earliest of those who want the same': async (world) => {
    const { id, holds } = await full(world, 1, [
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    await world.ledger.cancel(idOf(holds[0]), ACTOR);
    expect(await granted(world, id)).toEqual([2]);
  },

  'finds those who came since the last look although others wait before them': async (world) => {
    const { id } = await full(world, 2, [[1, 2]]);
    await capacity(world, id, [1, 1], 2);
    expect(await granted(world, id)).toEqual([]);
    await acceptStays(world, id, [
      [1, 2],
      [1, 1],
      [1, 1],
    ]);
    expect(await granted(world, id)).toEqual([5]);
  },

  'counts of the nights of a stay only those who still wait for one of them': async (world) => {
    const {
      id,
      holds,
      stays: waiting,
    } = await full(world, 4, [
      [1, 2],
      [2, 3],
      [2, 2],
      [4, 4],
    ]);
    const positionOf = async (range: Range): Promise<number> => {
      const [stay] = await acceptStays(world, id, [range]);
      await world.ledger.cancel(idOf(stay), ACTOR);
      return stay?.position ?? 0;
    };
    expect(await positionOf([2, 2])).toBe(4);
    await world.ledger.cancel(idOf(waiting[0]), ACTOR);
    expect(await positionOf([2, 2])).toBe(3);
    await payFor(world, idOf(holds[2]));
    await world.ledger.writeSellOut(id, ACTOR);
    expect(await positionOf([2, 2])).toBe(2);
    await world.ledger.cancel(idOf(holds[1]), ACTOR);
    expect(await granted(world, id)).toEqual([7]);
    expect(await positionOf([2, 2])).toBe(1);
    expect(await positionOf([1, 2])).toBe(1);
    await expectSound(world);
  },

  'has room in its line night by night, also within one batch': async (world) => {
    const { id } = await newRooms(world, 9, 1);
    const send = async (...ranges: Range[]): Promise<string[]> =>
      (
        await world.ledger.acceptStays(
          ranges.map((range) => stayFor(id, range)),
          2,
        )
      ).outcomes.map((outcome) => (outcome.accepted ? String(outcome.position) : outcome.code));
    // One that found its line full stands in nobody's way.
    expect(await send([1, 2], [2, 3], [2, 8], [5, 6], [8, 9])).toEqual(['1', '2', 'LINE_FULL', '1', '1']);
    expect(await send([3, 3], [2, 2], [3, 5])).toEqual(['2', 'LINE_FULL', 'LINE_FULL']);
    expect(await send([1, 1], [9, 9])).toEqual(['2', '2']);
  },

  'counts the limit of a customer on each night, in the nights of a stay where it is highest': async (
    world,
  ) => {
    const { id } = await newRooms(world, 5, 9, { limitPerCustomer: 2 });
    const send = async (range: Range): Promise<string> => {
      const { outcomes } = await world.ledger.acceptStays(
        [stayFor(id, range, { customerId: `guest of ${id}` })],
        MAX_LENGTH,
      );
      return codeOf(outcomes[0]);
    };
    for (const range of [
      [1, 2],
      [2, 3],
      [4, 4],
    ] as const) {
      expect(await send(range)).toBe('ACCEPTED');
    }
    expect(await send([1, 5])).toBe('LIMIT_PER_CUSTOMER');
    expect(await send([3, 5])).toBe('ACCEPTED');
    await expectSound(world);
  },

  'calls nobody sold out while one who holds the night may still give it back': async (world) => {
    const {
      id,
      holds,
      stays: waiting,
    } = await full(world, 2, [
      [1, 1],
      [1, 2],
      [2, 2],
    ]);
    await world.ledger.pay(idOf(holds[0]), 'pm_ok', null, ACTOR);
    await world.ledger.checkSellOut(id, ACTOR);
    await world.ledger.writeSellOut(id, ACTOR);
    expect(await statesOf(world, waiting)).toEqual(['waiting', 'waiting', 'waiting']);
    await world.ledger.recordCharge(idOf(holds[0]), 2, { kind: 'captured' }, ACTOR);
    const { line } = await world.ledger.writeSellOut(id, ACTOR);
    expect(line?.offerId).toBe(id);
    expect(await statesOf(world, waiting)).toEqual(['sold_out', 'sold_out', 'waiting']);
    expect(accepted((await world.ledger.acceptStays([stayFor(id, [2, 2])], 9)).outcomes[0]).position).toBe(2);

    const two = await newRooms(world, 1, 2);
    const [paid, , third] = await acceptStays(world, two.id, [
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    await world.ledger.admit(two.id, ACTOR);
    await payFor(world, idOf(paid));
    await world.ledger.writeSellOut(two.id, ACTOR);
    expect(await stateOf(world, idOf(third))).toBe('waiting');
    await expectSound(world);
  },

  'tells those who lost a night in chunks, each of them once': async (world) => {
    const { id, holds } = await full(world, 3, [
      [1, 3],
      [1, 2],
      [2, 3],
      [2, 2],
      [3, 3],
      [1, 1],
    ]);
    await payFor(world, idOf(holds[1]));
    await payFor(world, idOf(holds[2]));
    const seqs: number[] = [];
    for (let done = false; !done;) {
      const written = await writeSellOut(world.db, id, ACTOR, 2);
      expect(written.written).toBeLessThanOrEqual(2);
      seqs.push(...written.bookings.map(({ seq }) => seq));
      done = written.done;
    }
    expect([...seqs].sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8]);
    await expectSound(world);
  },

  'grants nothing to a stay that would have begun, and nobody overtakes it by then': async (world) => {
    const {
      id,
      holds,
      stays: waiting,
    } = await full(world, 3, [
      [1, 3],
      [2, 3],
      [1, 1],
    ]);
    await world.sql(
      `update booking set check_in = now() - interval '1 s' where offer_id = $1 and first_day = $2`,
      [id, night(1)],
    );
    for (const hold of holds) await world.ledger.cancel(idOf(hold), ACTOR);
    expect(await granted(world, id)).toEqual([5]);
    await world.ledger.writeSellOut(id, ACTOR);
    expect(await statesOf(world, waiting)).toEqual(['sold_out', 'held', 'sold_out']);
    await expectSound(world);
  },

  'grants nothing to a stay that began before it was looked at': async (world) => {
    const { id } = await newRooms(world, 1, 2);
    const [late] = await acceptStays(world, id, [
      [1, 1],
      [1, 1],
    ]);
    await world.sql(`update booking set check_in = now() - interval '1 s' where id = $1`, [idOf(late)]);
    expect(await granted(world, id)).toEqual([2]);
  },

  'is accepted in one order with whatever else happens to its line': async (world) => {
    const { id } = await newRooms(world, 1, 1);
    await acceptStays(world, id, [[1, 1]]);
    const other = await world.session();
    await other.query('begin');
    const first = await world.within(other).admit(id, ACTOR);
    const answer = world.ledger.acceptStays([stayFor(id, [1, 1])], MAX_LENGTH);
    await sleep(100);
    await other.query('commit');
    const { position, seq, version } = accepted((await answer).outcomes[0]);
    expect({ position, seq, version }).toEqual({
      position: 1,
      seq: 2,
      version: (first?.line.version ?? 0) + 1,
    });
  },

  'gives a batch that is sent again after a lost answer what it has': async (world) => {
    const { id } = await newRooms(world, 2, 1);
    const batch = [stayFor(id, [1, 2]), stayFor(id, [2, 2])];
    const before = await sendStays(world.db, batch, MAX_LENGTH, false);
    await acceptStays(world, id, [[1, 1]]);
    const again = await sendStays(world.db, batch, MAX_LENGTH, true);
    expect(again.outcomes).toEqual(before.outcomes);
  },

  'takes no tickets for rooms and no stay for an event, and one key for either but not for both': async (
    world,
  ) => {
    const { ledger } = world;
    const rooms = await newRooms(world, 2, 1);
    const event = await newOffer(world);
    const tickets = await ledger.accept([requestFor(rooms.id)], MAX_LENGTH);
    const stay = await ledger.acceptStays([stayFor(event.id, [1, 1])], MAX_LENGTH);
    expect([...tickets.outcomes, ...stay.outcomes].map(codeOf)).toEqual([
      'OFFER_NOT_FOUND',
      'OFFER_NOT_FOUND',
    ]);
    const keyed = { customerId: `both ${rooms.id}`, idempotencyKey: 'key' };
    const answers = await Promise.all([
      ledger.accept([requestFor(event.id, { ...keyed, bodyHash: 'tickets' })], MAX_LENGTH),
      world
        .another()
        .ledger.acceptStays([stayFor(rooms.id, [1, 1], { ...keyed, bodyHash: 'stay' })], MAX_LENGTH),
    ]);
    const codes = answers.flatMap(({ outcomes }) => outcomes.map(codeOf)).sort();
    const again = await ledger.acceptStays(
      [stayFor(rooms.id, [2, 2], { ...keyed, bodyHash: 'other' })],
      MAX_LENGTH,
    );
    expect(codeOf(again.outcomes[0])).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(codes).toEqual(['ACCEPTED', 'IDEMPOTENCY_KEY_REUSED']);
  },

  'counts those who would have begun days ago as long as they wait, on the nights that they wanted': async (
    world,
  ) => {
    const { id } = await newRooms(world, 0, 0, {
      nights: [{ from: dayFromNow(-9), to: dayFromNow(9), capacity: 1 }],
    });
    const send = async (first: number, last: number): Promise<Acceptance> => {
      const stay = { firstNight: dayFromNow(first), lastNight: dayFromNow(last) };
      return accepted(
        (await world.ledger.acceptStays([stayFor(id, [1, 1], { stay })], MAX_LENGTH)).outcomes[0],
      );
    };
    /** As if nobody had been at work for days. */
    const earlier = async ({ bookingId }: Acceptance, first: number, last: number): Promise<void> => {
      const edge = (day: 'first_day' | 'last_day', count: 'arriving' | 'leaving', date: string) =>
        world.sql(
          `with moved as (
             update booking b set ${day} = $2, check_in = now() - interval '1 day' from booking old
             where b.id = $1 and old.id = b.id returning b.offer_id, old.${day} as before)
           update stock s set ${count} = s.${count} + case when s.day = $2 then 1 else -1 end
           from moved m where s.offer_id = m.offer_id and s.day in (m.before, $2)`,
          [bookingId, date],
        );
      await edge('first_day', 'arriving', dayFromNow(first));
      await edge('last_day', 'leaving', dayFromNow(last));
    };
    const begun = await send(3, 6);
    const over = await send(3, 6);
    await earlier(begun, -4, 4);
    await earlier(over, -5, -3);
    const positions = [await send(3, 4), await send(4, 5), await send(5, 6)].map(({ position }) => position);
    expect(positions).toEqual([2, 3, 2]);
    await world.ledger.writeSellOut(id, ACTOR);
    expect(await statesOf(world, [begun, over])).toEqual(['sold_out', 'sold_out']);
    expect((await send(3, 4)).position).toBe(3);
  },

  'is served whatever was once put on sale in a far year, ahead or behind': async (world) => {
    const { id, holds } = await full(world, 2, [[1, 2]]);
    await world.sql(
      `insert into stock (offer_id, day, capacity, available, held, paid, sold, released)
       select $1, day, 1, 1, 0, 0, 0, true from unnest('{0001-01-01, 5000000-01-01}'::date[]) as day`,
      [id],
    );
    const [later] = await acceptStays(world, id, [[2, 2]]);
    expect(later?.position).toBe(2);
    for (const hold of holds) await world.ledger.cancel(idOf(hold), ACTOR);
    expect(await granted(world, id)).toEqual([3]);
    // A far day is no number to those who read lines.
    await world.sql('delete from stock where offer_id = $1 and held = 0 and available > 0', [id]);
  },

  'begins by the clock of its hotel, wherever that is and whatever is done to the clock': async (world) => {
    for (const [timeZone, offset] of [
      ['Pacific/Kiritimati', '+14:00'],
      ['Pacific/Pago_Pago', '-11:00'],
    ] as const) {
      const { id } = await newRooms(world, 3, 1, { timeZone, checkInTime: '00:30' });
      const [stay] = await acceptStays(world, id, [[2, 3]]);
      const begins = new Date(`${night(2)}T00:30:00${offset}`).toISOString();
      expect((await world.ledger.booking(idOf(stay)))?.booking.stay?.begins).toBe(begins);
      expect(await granted(world, id)).toEqual([1]);
    }
    // What counts is today there, which may be tomorrow or yesterday here.
    const { id } = await newRooms(world, 0, 0, {
      ...{ timeZone: 'Pacific/Kiritimati', checkInTime: '23:59', checkOutTime: '11:00' },
      nights: [{ from: dayFromNow(-3), to: dayFromNow(3), capacity: 1 }],
    });
    const there = new Date(Date.now() + 14 * 3_600_000).toISOString().slice(0, 10);
    const before = new Date(Date.now() - 10 * 3_600_000).toISOString().slice(0, 10);
    const send = async (date: string): Promise<string> => {
      const request = { ...stayFor(id, [1, 1]), stay: { firstNight: date, lastNight: date } };
      return codeOf((await world.ledger.acceptStays([request], MAX_LENGTH)).outcomes[0]);
    };
    expect([await send(before), await send(there)]).toEqual(['CHECK_IN_PAST', 'ACCEPTED']);
    expect(await granted(world, id)).toEqual([1]);
  },
};
