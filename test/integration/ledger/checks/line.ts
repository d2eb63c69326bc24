import { writeSellOut } from '../../../../src/booking/ledger/sell-out.js';
import type { Acceptance } from '../../../../src/booking/ledger/types.js';
import {
  accept,
  accepted,
  ACTOR,
  broken,
  chargesAsTold,
  codeOf,
  MAX_LENGTH,
  newOffer,
  payFor,
  refusalOf,
  requestFor,
  stateOf,
  type TestLedger,
} from '../../../support/ledger.js';
import type { Checks } from './check.js';

const statesOf = (world: TestLedger, bookings: readonly Acceptance[]): Promise<string[]> =>
  Promise.all(bookings.map(({ bookingId }) => stateOf(world, bookingId)));

const granted = async ({ ledger }: TestLedger, offerId: string): Promise<number[]> =>
  ((await ledger.admit(offerId, ACTOR))?.bookings ?? []).map(({ seq }) => seq);

const idOf = (acceptance: Acceptance | undefined): string => acceptance?.bookingId ?? '';

export const order: Checks = {
  'grants the earliest that fit, and whoever does not fit keeps its place and blocks nobody': async (
    world,
  ) => {
    const { id } = await newOffer(world, { capacity: 4 });
    const [one] = await accept(world, id, [1, 4, 2, 2, 1]);
    expect(await granted(world, id)).toEqual([1, 3, 5]);
    await world.ledger.cancel(idOf(one), ACTOR);
    expect(await granted(world, id)).toEqual([]);
    await world.ledger.changeOffer(id, { capacity: 5 }, ACTOR);
    expect(await granted(world, id)).toEqual([4]);
    await world.ledger.changeOffer(id, { capacity: 9 }, ACTOR);
    expect(await granted(world, id)).toEqual([2]);
  },

  'grants within the limit of one call and says that there is more': async (world) => {
    const { id } = await newOffer(world, { capacity: 5 });
    await accept(world, id, [1, 2, 1, 1]);
    const first = await world.ledger.admit(id, ACTOR, 2);
    expect(first).toMatchObject({
      more: true,
      line: { wantsAdmission: true },
      bookings: [{ seq: 1 }, { seq: 2 }],
    });
    const second = await world.ledger.admit(id, ACTOR, 2);
    expect(second).toMatchObject({
      more: false,
      line: { wantsAdmission: false },
      bookings: [{ seq: 3 }, { seq: 4 }],
    });
  },

  'grants nothing while paused, and is due again when resumed': async (world) => {
    const { id } = await newOffer(world, { capacity: 2 });
    await accept(world, id, [1]);
    await world.ledger.changeOffer(id, { paused: true }, ACTOR);
    expect(await granted(world, id)).toEqual([]);
    const resumed = await world.ledger.changeOffer(id, { paused: false }, ACTOR);
    expect(resumed?.line.wantsAdmission).toBe(true);
    expect(await granted(world, id)).toEqual([1]);
  },

  'never grants a booking twice, whoever asks at once': async (world) => {
    const { id } = await newOffer(world, { capacity: 3 });
    await accept(world, id, [1, 1, 1, 1, 1]);
    const processes = [world.ledger, world.another().ledger, world.another().ledger];
    const answers = await Promise.all(processes.map((ledger) => ledger.admit(id, ACTOR)));
    expect(answers.flatMap((answer) => answer?.bookings ?? []).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  },

  'does not grant what was given beforehand a second time after the line was raised': async (world) => {
    const { id } = await newOffer(world, { capacity: 1 });
    await accept(world, id, [1, 1]);
    expect(await granted(world, id)).toEqual([1]);
    await world.ledger.changeOffer(id, { capacity: 2 }, ACTOR);
    expect(await granted(world, id)).toEqual([2]);
  },

  'is no longer due once the event has begun, whatever is given back afterwards': async (world) => {
    const { id } = await newOffer(world, { capacity: 1 });
    const [held] = await accept(world, id, [1, 1]);
    await granted(world, id);
    await world.sql(`update offer set starts_at = now() - interval '1 s' where id = $1`, [id]);
    await world.ledger.cancel(idOf(held), ACTOR);
    expect((await world.ledger.dueLines()).admit).toContain(id);
    expect(await granted(world, id)).toEqual([]);
    expect((await world.ledger.dueLines()).admit).not.toContain(id);
  },
};

export const sellOut: Checks = {
  'is decided for all who need more than what is not sold for good, and from then on everybody sees it':
    async (world) => {
      const { id } = await newOffer(world, { capacity: 4 });
      const all = await accept(world, id, [2, 3, 2, 1, 4]);
      expect(await granted(world, id)).toEqual([1, 3]);
      await payFor(world, idOf(all[0]));
      // Two units are final, two are held: 3 and 4 can never be had, 1 may be.
      expect(await statesOf(world, all)).toEqual(['paid', 'sold_out', 'held', 'waiting', 'sold_out']);
      const rows = await world.sql(`select state from booking where offer_id = $1 order by seq`, [id]);
      expect(rows.map((row) => row['state'])).toEqual(['paid', 'waiting', 'held', 'waiting', 'waiting']);

      const line = await world.ledger.readLine(id, null);
      expect(line).toMatchObject({
        waiting: [[4, 4]],
        state: { waiting: 1, front: 4, soldOut: { throughSeq: 5, minQuantity: 3 } },
      });
      expect(await refusalOf(world.ledger.cancel(idOf(all[1]), ACTOR))).toBe('ALREADY_SETTLED');
      expect(await refusalOf(world.ledger.pay(idOf(all[1]), 'pm_ok', null, ACTOR))).toBe('ALREADY_SETTLED');
      const again = await world.ledger.accept([requestFor(id, { quantity: 3 })], MAX_LENGTH);
      expect(again.outcomes.map(codeOf)).toEqual(['SOLD_OUT']);
    },

  'is not undone by capacity that comes before its rows are written': async (world) => {
    const { id } = await newOffer(world, { capacity: 2 });
    const all = await accept(world, id, [2, 1, 2, 1]);
    await granted(world, id);
    await payFor(world, idOf(all[0]));
    await world.ledger.changeOffer(id, { capacity: 9 }, ACTOR);
    const [later] = await accept(world, id, [2]);
    expect(await granted(world, id)).toEqual([later?.seq]);
    expect(await statesOf(world, all)).toEqual(['paid', 'sold_out', 'sold_out', 'sold_out']);
    expect(await world.ledger.writeSellOut(id, ACTOR)).toMatchObject({ written: 3, done: true });
    expect(await statesOf(world, all)).toEqual(['paid', 'sold_out', 'sold_out', 'sold_out']);
    expect(await broken(world, await chargesAsTold(world))).toEqual({});
  },

  'is written in chunks, each row with its audit, and a later decision waits for the rows of the last':
    async (world) => {
      const { id } = await newOffer(world, { capacity: 3 });
      const all = await accept(world, id, [2, 1, 3, 3, 3, 1]);
      expect(await granted(world, id)).toEqual([1, 2]);
      await payFor(world, idOf(all[0]));
      await payFor(world, idOf(all[1]));
      expect(await statesOf(world, all)).toEqual([
        'paid',
        'paid',
        'sold_out',
        'sold_out',
        'sold_out',
        'waiting',
      ]);
      expect((await world.ledger.dueLines()).writeSellOut).toContain(id);
      expect(await writeSellOut(world.db, id, ACTOR, 2)).toMatchObject({ written: 2, done: false });
      // The first is written out; the second decision, for the last single, follows at once.
      expect(await writeSellOut(world.db, id, ACTOR, 2)).toMatchObject({ written: 1, done: false });
      expect(await stateOf(world, idOf(all[5]))).toBe('sold_out');
      expect(await writeSellOut(world.db, id, ACTOR, 2)).toMatchObject({ written: 1, done: true });
      expect((await world.ledger.dueLines()).writeSellOut).not.toContain(id);
      expect(await broken(world, await chargesAsTold(world))).toEqual({});
    },

  'comes for everybody who waits when the event has begun': async (world) => {
    const { id } = await newOffer(world, { capacity: 1 });
    const all = await accept(world, id, [1, 1, 1]);
    await granted(world, id);
    await world.sql(`update offer set starts_at = now() - interval '1 s' where id = $1`, [id]);
    expect((await world.ledger.dueLines()).sellOut).toContain(id);
    await world.ledger.checkSellOut(id, ACTOR);
    expect(await statesOf(world, all)).toEqual(['held', 'sold_out', 'sold_out']);
    expect((await world.ledger.dueLines()).sellOut).not.toContain(id);
    const late = await world.ledger.accept([requestFor(id)], MAX_LENGTH);
    expect(late.outcomes.map(codeOf)).toEqual(['OFFER_CLOSED']);
    expect(await world.ledger.writeSellOut(id, ACTOR)).toMatchObject({ written: 2, done: true });
  },

  'comes when the capacity is lowered under what somebody needs': async (world) => {
    const { id } = await newOffer(world, { capacity: 4 });
    const all = await accept(world, id, [3, 2]);
    await world.ledger.changeOffer(id, { capacity: 2 }, ACTOR);
    expect(await statesOf(world, all)).toEqual(['sold_out', 'waiting']);
    expect(await granted(world, id)).toEqual([2]);
    expect(await refusalOf(world.ledger.changeOffer(id, { capacity: 1 }, ACTOR))).toBe('CAPACITY_BELOW_SOLD');
  },

  'mails everybody who gave an address, once': async (world) => {
    const { id } = await newOffer(world, { capacity: 1 });
    const all = await accept(world, id, [1, 1, 1], { email: 'somebody@example.org' });
    await granted(world, id);
    await payFor(world, idOf(all[0]));
    await writeSellOut(world.db, id, ACTOR, 1);
    await world.ledger.writeSellOut(id, ACTOR);
    const mails = await world.sql(
      `select b.seq, m.kind from mail m join booking b on b.id = m.booking_id where b.offer_id = $1 order by b.seq`,
      [id],
    );
    expect(mails).toEqual([
      { seq: '1', kind: 'your_turn' },
      { seq: '2', kind: 'sold_out' },
      { seq: '3', kind: 'sold_out' },
    ]);
  },
};

export const release: Checks = {
  'gives a hold that ran out to the next, and leaves one that did not alone': async (world) => {
    const { id } = await newOffer(world, { capacity: 2 });
    const all = await accept(world, id, [1, 1, 1]);
    await granted(world, id);
    expect((await world.ledger.expire(id, ACTOR))?.bookings).toEqual([]);
    await world.sql(`update booking set deadline = now() - interval '1 ms' where id = $1`, [idOf(all[0])]);
    const expired = await world.ledger.expire(id, ACTOR);
    expect(expired).toMatchObject({
      bookings: [{ seq: 1, state: 'expired', reason: 'NOT_PAID_IN_TIME' }],
      line: { wantsAdmission: true },
    });
    expect(await granted(world, id)).toEqual([3]);
    expect(await statesOf(world, all)).toEqual(['expired', 'held', 'held']);
  },

  'lets nobody leave who is paying, has paid, or left before': async (world) => {
    const { id } = await newOffer(world, { capacity: 2 });
    const all = await accept(world, id, [1, 1, 1]);
    await granted(world, id);
    const [first, second, third] = all.map(idOf) as [string, string, string];
    await world.ledger.pay(first, 'pm_ok', null, ACTOR);
    expect(await refusalOf(world.ledger.cancel(first, ACTOR))).toBe('PAYMENT_IN_PROGRESS');
    await payFor(world, second);
    expect(await refusalOf(world.ledger.cancel(second, ACTOR))).toBe('ALREADY_SETTLED');
    await world.ledger.cancel(third, ACTOR);
    expect(await refusalOf(world.ledger.cancel(third, ACTOR))).toBe('ALREADY_SETTLED');
    expect(
      await world.ledger.cancel(
        accepted((await world.ledger.accept([requestFor(id)], 10)).outcomes[0]).bookingId,
        ACTOR,
      ),
    ).not.toBeNull();
  },
};
