import type { ChargeOutcome } from '../../../../src/booking/ledger/types.js';
import {
  accept,
  ACTOR,
  broken,
  chargesAsTold,
  letterOf,
  newOffer,
  payFor,
  refusalOf,
  stateOf,
  ticketsOf,
  type TestLedger,
} from '../../../support/ledger.js';
import type { Checks } from './check.js';

const DECLINED: ChargeOutcome = { kind: 'declined', reason: 'CARD_DECLINED' };
const CAPTURED: ChargeOutcome = { kind: 'captured' };

/** A booking that holds one unit of an offer with one unit; prepaid it is paying already. */
async function holding(world: TestLedger, prepaid = false): Promise<{ offerId: string; id: string }> {
  const { id: offerId } = await newOffer(world, { capacity: 1 });
  const [booking] = await accept(world, offerId, [1], { paymentMethod: prepaid ? 'pm_ok' : null });
  await world.ledger.admit(offerId, ACTOR);
  return { offerId, id: booking?.bookingId ?? '' };
}

const timeUp = ({ sql }: TestLedger, id: string): Promise<unknown> =>
  sql(`update booking set deadline = now() - interval '1 ms' where id = $1`, [id]);

const refundsOf = ({ sql }: TestLedger, id: string): Promise<unknown[]> =>
  sql(`select provider_key, reason, state from refund where booking_id = $1`, [id]);

/** An attempt that no verb would leave so: the guards must hold whatever the rows say. */
const attempt = ({ sql }: TestLedger, id: string, fence: number, state: string): Promise<unknown> =>
  sql(
    `insert into payment_attempt (booking_id, fence, provider_key, amount_minor, currency, method, state, started_at)
     values ($1, $2, $4, 5000, 'EUR', 'pm_ok', $3, now())
     on conflict (booking_id, fence) do update set state = excluded.state`,
    [id, fence, state, `${id}-${fence}`],
  );

export const money: Checks = {
  'with a method given up front a booking pays in the grant itself and never expires': async (world) => {
    const { offerId, id } = await holding(world, true);
    const found = await world.ledger.booking(id);
    expect(found?.booking).toMatchObject({ state: 'paying', fence: 2, deadline: null });
    await timeUp(world, id);
    expect((await world.ledger.expire(offerId, ACTOR))?.bookings).toEqual([]);
    expect(await world.ledger.sendAttempt(id, 2)).toMatchObject({ state: 'started', method: 'pm_ok' });
  },

  'a method given up front that is declined leaves the whole time to pay': async (world) => {
    const { id } = await holding(world, true);
    const declined = await world.ledger.recordCharge(id, 2, DECLINED, ACTOR);
    expect(declined).toMatchObject({
      moved: true,
      bookings: [{ state: 'held', fence: 3, reason: 'CARD_DECLINED' }],
    });
    const [row] = await world.sql<{ left: number }>(
      'select extract(epoch from deadline - clock_timestamp())::float as left from booking where id = $1',
      [id],
    );
    expect(row?.left).toBeGreaterThan(590);
  },

  'a decline with time left leads back to the same hold': async (world) => {
    const { id } = await holding(world);
    const { deadline } = (await world.ledger.booking(id))?.booking ?? {};
    await world.ledger.pay(id, 'pm_bad', null, ACTOR);
    await world.ledger.recordCharge(id, 2, DECLINED, ACTOR);
    expect((await world.ledger.booking(id))?.booking).toMatchObject({ state: 'held', fence: 3, deadline });
    await payFor(world, id);
    expect(await stateOf(world, id)).toBe('paid');
  },

  'a decline after the time is over gives the units away': async (world) => {
    const { offerId, id } = await holding(world);
    const [next] = await accept(world, offerId, [1]);
    await world.ledger.pay(id, 'pm_bad', null, ACTOR);
    await timeUp(world, id);
    const declined = await world.ledger.recordCharge(id, 2, DECLINED, ACTOR);
    expect(declined).toMatchObject({
      moved: true,
      bookings: [{ state: 'expired' }],
      line: { wantsAdmission: true },
    });
    expect((await world.ledger.admit(offerId, ACTOR))?.bookings).toMatchObject([{ id: next?.bookingId }]);
  },

  'nobody pays after the time is over, swept or not': async (world) => {
    const { offerId, id } = await holding(world);
    await timeUp(world, id);
    expect(await refusalOf(world.ledger.pay(id, 'pm_ok', null, ACTOR))).toBe('HOLD_EXPIRED');
    await world.ledger.expire(offerId, ACTOR);
    expect(await refusalOf(world.ledger.pay(id, 'pm_ok', null, ACTOR))).toBe('HOLD_EXPIRED');
  },

  'nobody pays for an event that has begun': async (world) => {
    const { offerId, id } = await holding(world);
    await world.sql(`update offer set starts_at = now() - interval '1 s' where id = $1`, [offerId]);
    expect(await refusalOf(world.ledger.pay(id, 'pm_ok', null, ACTOR))).toBe('OFFER_CLOSED');
    expect(await stateOf(world, id)).toBe('held');
  },

  'only a hold is paid for': async (world) => {
    const { offerId, id } = await holding(world);
    const [waiting, leaver] = await accept(world, offerId, [1, 1]);
    expect(await refusalOf(world.ledger.pay(waiting?.bookingId ?? '', 'pm_ok', null, ACTOR))).toBe(
      'NOT_HELD',
    );
    await world.ledger.cancel(leaver?.bookingId ?? '', ACTOR);
    expect(await refusalOf(world.ledger.pay(leaver?.bookingId ?? '', 'pm_ok', null, ACTOR))).toBe(
      'ALREADY_SETTLED',
    );
    await world.ledger.pay(id, 'pm_ok', null, ACTOR);
    expect(await refusalOf(world.ledger.pay(id, 'pm_ok', null, ACTOR))).toBe('PAYMENT_IN_PROGRESS');
  },

  'an outcome recorded twice counts once': async (world) => {
    const { id } = await holding(world, true);
    const [one, two] = await Promise.all([
      world.ledger.recordCharge(id, 2, CAPTURED, ACTOR),
      world.another().ledger.recordCharge(id, 2, CAPTURED, ACTOR),
    ]);
    expect([one?.moved, two?.moved].sort()).toEqual([false, true]);
    expect((await world.ledger.recordCharge(id, 2, DECLINED, ACTOR))?.moved).toBe(false);
    expect(await stateOf(world, id)).toBe('paid');
    expect(await refundsOf(world, id)).toEqual([]);
  },

  'money taken under a stale fence goes back and moves nothing': async (world) => {
    const { id } = await holding(world, true);
    await world.ledger.recordCharge(id, 2, DECLINED, ACTOR);
    await world.ledger.pay(id, 'pm_ok', null, ACTOR);
    const late = await world.ledger.recordCharge(id, 2, CAPTURED, ACTOR);
    expect(late).toMatchObject({ moved: false, bookings: [{ state: 'paying', fence: 4 }] });
    expect(await refundsOf(world, id)).toEqual([
      { provider_key: `${id}-2`, reason: 'CAPTURED_TOO_LATE', state: 'pending' },
    ]);
    await world.ledger.recordCharge(id, 4, CAPTURED, ACTOR);
    expect(await stateOf(world, id)).toBe('paid');
    expect(await broken(world, await chargesAsTold(world))).toEqual({});
  },

  'an attempt under another fence than the booking moves nothing, whatever its own row says': async (
    world,
  ) => {
    const { id } = await holding(world, true);
    await world.sql('update booking set fence = 4 where id = $1', [id]);
    await attempt(world, id, 4, 'started');
    expect((await world.ledger.recordCharge(id, 2, CAPTURED, ACTOR))?.moved).toBe(false);
    expect(await stateOf(world, id)).toBe('paying');
    await world.ledger.recordCharge(id, 4, CAPTURED, ACTOR);
  },

  'an attempt that is definite moves nothing, whatever the booking says': async (world) => {
    const { id } = await holding(world, true);
    await attempt(world, id, 2, 'declined');
    expect((await world.ledger.recordCharge(id, 2, CAPTURED, ACTOR))?.moved).toBe(false);
    await world.sql('delete from refund where booking_id = $1', [id]);
    await attempt(world, id, 2, 'started');
    await world.ledger.recordCharge(id, 2, CAPTURED, ACTOR);
  },

  'an attempt moves only a booking that is paying, whatever the rest says': async (world) => {
    const { id } = await holding(world);
    await attempt(world, id, 1, 'started');
    expect((await world.ledger.recordCharge(id, 1, CAPTURED, ACTOR))?.moved).toBe(false);
    expect(await stateOf(world, id)).toBe('held');
  },

  'a charge is not sent once its attempt is definite or not the current one': async (world) => {
    const { id } = await holding(world, true);
    await world.ledger.recordCharge(id, 2, DECLINED, ACTOR);
    expect(await world.ledger.sendAttempt(id, 2)).toBeNull();
    await world.ledger.pay(id, 'pm_ok', null, ACTOR);
    expect(await world.ledger.sendAttempt(id, 2)).toBeNull();
    expect(await world.ledger.sendAttempt(id, 4)).toMatchObject({ fence: 4 });
  },

  'a charge that a worker is still waiting for is not settled, however long it takes': async (world) => {
    const { id } = await holding(world, true);
    const isOpen = async (): Promise<boolean> =>
      (await world.ledger.unsettledAttempts(30_000, 1000)).some(({ bookingId }) => bookingId === id);
    const longAgo = (): Promise<unknown> =>
      world.sql(
        `update payment_attempt set sent_at = now() - interval '1 min', settle_at = null where booking_id = $1`,
        [id],
      );
    await world.ledger.keepFulfilments([id], 15_000);
    expect(await world.sql('select sent_at from payment_attempt where booking_id = $1', [id])).toEqual([
      { sent_at: null },
    ]);
    await world.ledger.sendAttempt(id, 2);
    await longAgo();
    expect(await isOpen()).toBe(true);
    await longAgo();
    await world.ledger.keepFulfilments([id], 15_000);
    expect(await isOpen()).toBe(false);
    // Whoever was at it is not any more.
    await longAgo();
    expect(await isOpen()).toBe(true);
    await world.ledger.recordCharge(id, 2, DECLINED, ACTOR);
  },

  'attempts that cannot be settled for now are put off, longer each time, and younger ones have their turn':
    async (world) => {
      const ids: string[] = [];
      for (let years = 30; years > 27; years -= 1) {
        const { id } = await holding(world, true);
        await world.ledger.sendAttempt(id, 2);
        await world.sql(
          `update payment_attempt set sent_at = now() - make_interval(years => $2) where booking_id = $1`,
          [id, years],
        );
        ids.push(id);
      }
      const [oldest = '', older = '', youngest = ''] = ids;
      const claimed = async (
        limit: number,
        { ledger }: Pick<TestLedger, 'ledger'> = world,
      ): Promise<string[]> => (await ledger.unsettledAttempts(1000, limit)).map(({ bookingId }) => bookingId);
      expect((await claimed(2)).sort()).toEqual([oldest, older].sort());
      expect(await claimed(1)).toEqual([youngest]);
      const putOff = (from: string, tries: number): Promise<unknown> =>
        world.sql(`update payment_attempt set settle_at = ${from}, settle_tries = $2 where booking_id = $1`, [
          oldest,
          tries,
        ]);
      for (const [tries, seconds] of [2, 4, 8, 16, 32, 64, 120, 120].entries()) {
        await putOff(`now() + interval '1 h'`, tries);
        expect(await claimed(1000)).not.toContain(oldest);
        await putOff(`now() - interval '1 ms'`, tries);
        const [before] = await world.sql<{ now: string }>('select clock_timestamp()::text as now');
        expect(await claimed(1000)).toContain(oldest);
        const [row] = await world.sql<{ fits: boolean }>(
          `select settle_at - make_interval(secs => $2) between $3::timestamptz and clock_timestamp() as fits
         from payment_attempt where booking_id = $1`,
          [oldest, seconds, before?.now],
        );
        expect({ seconds, ...row }).toEqual({ seconds, fits: true });
      }
      // Two workers that look at the same moment share what there is.
      await world.sql(`update payment_attempt set settle_at = null where booking_id = any($1)`, [ids]);
      const both = (await Promise.all([claimed(1000), claimed(1000, world.another())])).flat();
      expect(both.filter((id) => ids.includes(id)).sort()).toEqual([...ids].sort());
      for (const id of ids) await world.ledger.recordCharge(id, 2, DECLINED, ACTOR);
    },

  'only what is paid and done is confirmed, and a refund gives money, units and tickets back once': async (
    world,
  ) => {
    const { offerId, id } = await holding(world);
    expect(await world.ledger.confirm(id, ACTOR)).toBeNull();
    await world.ledger.pay(id, 'pm_ok', null, ACTOR);
    await world.ledger.recordStep(id, 'validate', 0, null, ACTOR);
    await world.ledger.recordCharge(id, 2, CAPTURED, ACTOR);
    expect(await world.ledger.confirm(id, ACTOR)).toBeNull();
    expect(
      await world.ledger.recordDocument(id, ticketsOf(id, 1), Buffer.from('%PDF'), ACTOR),
    ).not.toBeNull();
    expect(await world.ledger.recordDocument(id, ticketsOf(id, 1), Buffer.from('%PDF'), ACTOR)).toBeNull();
    await world.ledger.recordStep(id, 'email', 80, null, ACTOR);
    const letter = await world.ledger.openDeadLetter(
      { bookingId: id, jobId: `fulfil-${id}`, jobType: 'booking.fulfil', reason: 'SMTP_DOWN', attempts: 5 },
      ACTOR,
    );
    expect(await world.ledger.beginFulfilment(id, 1000)).toBeNull();
    const discarded = await world.ledger.resolveDeadLetter(letter?.id ?? '', 'discarded', null, ACTOR);
    expect(discarded?.moved?.bookings).toMatchObject([
      { id, state: 'refunded', reason: 'FULFILMENT_FAILED' },
    ]);
    expect(await refusalOf(world.ledger.resolveDeadLetter(letter?.id ?? '', 'discarded', null, ACTOR))).toBe(
      'DEAD_LETTER_RESOLVED',
    );
    expect(await refundsOf(world, id)).toMatchObject([{ provider_key: `${id}-2`, state: 'pending' }]);
    expect(await world.ledger.offer(offerId)).toMatchObject({ stock: { available: 1, held: 0, sold: 0 } });
    expect(await world.ledger.confirm(id, ACTOR)).toBeNull();
    expect(await world.sql('select state from ticket where booking_id = $1', [id])).toEqual([
      { state: 'revoked' },
    ]);
  },

  'a refund that is there already is neither opened nor told a second time': async (world) => {
    for (const there of [false, true]) {
      const { id } = await holding(world);
      await payFor(world, id);
      if (there) {
        await world.sql(
          `insert into refund (id, booking_id, provider_key, refund_key, amount_minor, currency, reason, state, next_at, created_at)
           select gen_random_uuid(), booking_id, provider_key, 'refund-' || provider_key, amount_minor, currency, 'EARLIER',
             'pending', now(), now() from payment_attempt where booking_id = $1`,
          [id],
        );
      }
      const letter = await world.ledger.openDeadLetter(letterOf(id), ACTOR);
      await world.ledger.resolveDeadLetter(letter?.id ?? '', 'discarded', null, ACTOR);
      expect(await refundsOf(world, id)).toHaveLength(1);
      const told = await world.sql(
        `select from audit_event where booking_id = $1 and action = 'refund.open'`,
        [id],
      );
      expect({ there, told: told.length }).toEqual({ there, told: there ? 0 : 1 });
    }
  },
};
