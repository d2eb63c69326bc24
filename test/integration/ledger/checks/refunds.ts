import { setTimeout as sleep } from 'node:timers/promises';
import type { NewOffer } from '../../../../src/booking/ledger/types.js';
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

const REFUNDABLE = { cancellation: { refundable: true } };

/** A booking of two units that is paid for, with its tickets issued. */
async function paid(world: TestLedger, rules: Partial<NewOffer> = {}): Promise<Paid> {
  const { id: offerId } = await newOffer(world, { capacity: 2, ...rules });
  const [booking] = await accept(world, offerId, [2]);
  const id = booking?.bookingId ?? '';
  await world.ledger.admit(offerId, ACTOR);
  await payFor(world, id);
  const tickets = ticketsOf(id, 2);
  await world.ledger.recordDocument(id, tickets, Buffer.from('%PDF'), ACTOR);
  return { offerId, id, tickets: tickets.map(({ ticketId }) => ticketId) };
}
interface Paid {
  readonly offerId: string;
  readonly id: string;
  readonly tickets: readonly string[];
}

const byOperator = ({ ledger }: Pick<TestLedger, 'ledger'>, id: string, force = false): Promise<string> =>
  refusalOf(ledger.refund(id, 'BY_OPERATOR', force, null, ACTOR));
const byTerms = ({ ledger }: Pick<TestLedger, 'ledger'>, id: string): Promise<string> =>
  refusalOf(ledger.refundByTerms(id, ACTOR));
const ticketStates = async ({ sql }: TestLedger, id: string): Promise<unknown[]> =>
  (await sql('select state from ticket where booking_id = $1 order by number', [id])).map(
    (row) => row['state'],
  );

export const refunds: Checks = {
  'only what was paid for is refunded, and once': async (world) => {
    const { id: offerId } = await newOffer(world, { capacity: 2, ...REFUNDABLE });
    const [one, late] = await accept(world, offerId, [2, 1]);
    const [id, waiting] = [one?.bookingId ?? '', late?.bookingId ?? ''];
    const answers = async (): Promise<string[]> => [await byOperator(world, id), await byTerms(world, id)];
    expect(await answers()).toEqual(['NOT_PAID', 'NOT_PAID']);
    await world.ledger.admit(offerId, ACTOR);
    expect(await answers()).toEqual(['NOT_PAID', 'NOT_PAID']);
    await world.ledger.pay(id, 'pm_ok', null, ACTOR);
    expect(await answers()).toEqual(['PAYMENT_IN_PROGRESS', 'PAYMENT_IN_PROGRESS']);
    await world.ledger.recordCharge(id, 2, { kind: 'captured' }, ACTOR);
    // Told that it is sold out, though its row does not say so yet.
    expect(await stateOf(world, waiting)).toBe('sold_out');
    expect(await byOperator(world, waiting)).toBe('ALREADY_SETTLED');
    expect(await byTerms(world, id)).toBe('DONE');
    expect(await answers()).toEqual(['ALREADY_SETTLED', 'ALREADY_SETTLED']);
    expect(await world.ledger.offer(offerId)).toMatchObject({ stock: { available: 2, held: 0, sold: 0 } });
    expect(await world.sql('select state from refund where booking_id = $1', [id])).toHaveLength(1);
    expect(await broken(world, await chargesAsTold(world))).toEqual({});
  },

  'a customer is refunded by the terms of the acceptance, whatever the offer says later': async (world) => {
    const { ledger } = world;
    const { id: offerId } = await newOffer(world, { capacity: 10, ...REFUNDABLE });
    const bought = async (): Promise<string> => {
      const [booking] = await accept(world, offerId, [1]);
      await ledger.admit(offerId, ACTOR);
      await payFor(world, booking?.bookingId ?? '');
      return booking?.bookingId ?? '';
    };
    const [early, earlier] = [await bought(), await bought()];
    await ledger.changeOffer(offerId, { cancellation: { refundable: false } }, ACTOR);
    const between = await bought();
    await ledger.changeOffer(
      offerId,
      { title: 'Another', price: { amountMinor: 1, currency: 'EUR' } },
      ACTOR,
    );
    const still = await bought();
    await ledger.changeOffer(
      offerId,
      { cancellation: { refundable: true, untilHoursBeforeStart: 24 } },
      ACTOR,
    );
    const late = await bought();
    const ends = async (...ids: string[]): Promise<string[]> => {
      const answers: string[] = [];
      for (const id of ids) answers.push(await byTerms(world, id));
      return answers;
    };
    expect(await ends(early, between, still)).toEqual(['DONE', 'NOT_REFUNDABLE', 'NOT_REFUNDABLE']);
    const beginsIn = (hours: number): Promise<unknown> =>
      world.sql(`update offer set starts_at = now() + make_interval(hours => $2) where id = $1`, [
        offerId,
        hours,
      ]);
    await beginsIn(23);
    expect(await ends(late)).toEqual(['NOT_REFUNDABLE']);
    await beginsIn(25);
    expect(await ends(late)).toEqual(['DONE']);
    await world.sql(`update offer set starts_at = now() - interval '1 ms' where id = $1`, [offerId]);
    expect(await ends(earlier)).toEqual(['NOT_REFUNDABLE']);
    // An operator is bound by none of it.
    expect(await byOperator(world, between)).toBe('DONE');
    expect(await byOperator(world, earlier)).toBe('DONE');
  },

  'a used ticket is refunded by an operator alone who says so': async (world) => {
    const { id, tickets } = await paid(world, REFUNDABLE);
    await world.ledger.redeem(tickets[1] ?? '', null, ACTOR);
    expect(await byTerms(world, id)).toBe('TICKET_ALREADY_REDEEMED');
    expect(await byOperator(world, id)).toBe('TICKET_ALREADY_REDEEMED');
    expect(await ticketStates(world, id)).toEqual(['issued', 'redeemed']);
    expect(await byOperator(world, id, true)).toBe('DONE');
    expect(await ticketStates(world, id)).toEqual(['revoked', 'revoked']);
    expect(await refusalOf(world.ledger.redeem(tickets[0] ?? '', null, ACTOR))).toBe('TICKET_REVOKED');
    expect(await broken(world, await chargesAsTold(world))).toEqual({});
  },

  'a refund and a scan wait for one another, and the second sees what the first did': async (world) => {
    const session = await world.session();
    const first = await paid(world, REFUNDABLE);
    await session.query('begin');
    await world.within(session).redeem(first.tickets[0] ?? '', null, ACTOR);
    const refund = byTerms(world, first.id);
    await sleep(200);
    await session.query('commit');
    expect(await refund).toBe('TICKET_ALREADY_REDEEMED');

    const second = await paid(world, REFUNDABLE);
    await session.query('begin');
    await world.within(session).refundByTerms(second.id, ACTOR);
    const scan = refusalOf(world.ledger.redeem(second.tickets[0] ?? '', null, ACTOR));
    await sleep(200);
    await session.query('commit');
    expect(await scan).toBe('TICKET_REVOKED');
  },

  'a refund decides the open dead letter of its booking, and no other': async (world) => {
    const { ledger } = world;
    const [one, other] = [await paid(world), await paid(world)];
    const letters = await Promise.all(
      [one, other].map(({ id }) => ledger.openDeadLetter(letterOf(id), ACTOR)),
    );
    const refunded = await ledger.refund(one.id, 'BY_OPERATOR', false, null, ACTOR);
    expect(refunded).toMatchObject({ letter: true, bookings: [{ state: 'refunded' }] });
    expect(await refusalOf(ledger.resolveDeadLetter(letters[0]?.id ?? '', 'replayed', null, ACTOR))).toBe(
      'DEAD_LETTER_RESOLVED',
    );
    expect((await ledger.deadLetters('open', null, 10)).map(({ id }) => id)).toContain(letters[1]?.id);
    expect(await ledger.refund(other.id, 'BY_OPERATOR', false, null, ACTOR)).toMatchObject({ letter: true });
    const last = await paid(world);
    expect(await ledger.refund(last.id, 'BY_OPERATOR', false, null, ACTOR)).toMatchObject({ letter: false });
  },

  'a refund asked for twice with its key is one refund with one answer, and another body is refused': async (
    world,
  ) => {
    const { id } = await paid(world);
    const key = { customerId: 'operator:ann', route: 'refund', key: 'key', bodyHash: 'aa' };
    const ask = (bodyHash = 'aa') =>
      world.ledger.refund(id, 'BY_OPERATOR', false, { ...key, bodyHash }, ACTOR);
    const [first, ...others] = await Promise.all([ask(), ask(), ask()]);
    expect(others).toEqual([first, first]);
    expect(await refusalOf(ask('bb'))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await world.sql('select from refund where booking_id = $1', [id])).toHaveLength(1);
  },

  'a refund that the bank sends back is due again, at once the first time and later each time after': async (
    world,
  ) => {
    const { ledger, sql } = world;
    const { id } = await paid(world, REFUNDABLE);
    await byTerms(world, id);
    const [row] = await sql<{ id: string; key: string }>(
      'select id, refund_key as key from refund where booking_id = $1',
      [id],
    );
    const { id: refundId, key } = row ?? { id: '', key: '' };
    const isDue = async (): Promise<boolean> =>
      (await ledger.dueRefunds(1000)).some(({ refundKey }) => refundKey === key);
    expect(await ledger.refundOf(key)).toMatchObject({ id: refundId, bookingId: id, refundKey: key });
    expect(await ledger.refundOf('unheard of')).toBeNull();
    expect(await ledger.reopenRefund(key, ACTOR)).toBe(false);
    expect(await ledger.reopenRefund('unheard of', ACTOR)).toBe(false);
    for (const seconds of [0, 120, 240, 480]) {
      await ledger.refundSucceeded(refundId, ACTOR);
      const [before] = await sql<{ now: string }>('select clock_timestamp()::text as now');
      const both = [ledger, world.another().ledger].map((by) => by.reopenRefund(key, ACTOR));
      expect((await Promise.all(both)).sort()).toEqual([false, true]);
      const [due] = await sql(
        `select state, finished_at, next_at - make_interval(secs => $2) between $3::timestamptz and clock_timestamp() as fits
         from refund where id = $1`,
        [refundId, seconds, before?.now],
      );
      expect({ seconds, ...due }).toEqual({ seconds, state: 'pending', finished_at: null, fits: true });
      expect(await isDue()).toBe(seconds === 0);
    }
    const audit = await sql(
      `select detail->'times' as times from audit_event where booking_id = $1 and action = 'refund.reopened' order by id`,
      [id],
    );
    expect(audit).toEqual([1, 2, 3, 4].map((times) => ({ times })));
    expect(await broken(world, await chargesAsTold(world))).toEqual({});
  },

  'a refund that succeeded is looked at once a day for a month, by one worker at a time': async (world) => {
    const { ledger, sql } = world;
    const { id } = await paid(world, REFUNDABLE);
    await byTerms(world, id);
    const looked = async (): Promise<number> => {
      const both = await Promise.all([
        ledger.refundsToLookAt(1000),
        world.another().ledger.refundsToLookAt(1000),
      ]);
      return both.flat().filter(({ bookingId }) => bookingId === id).length;
    };
    const aged = (days: number): Promise<unknown> =>
      sql(
        `update refund set look_at = look_at - interval '1 day', finished_at = now() - make_interval(days => $2)
         where booking_id = $1`,
        [id, days],
      );
    expect(await looked()).toBe(0);
    const [row] = await sql<{ id: string }>('select id from refund where booking_id = $1', [id]);
    await ledger.refundSucceeded(row?.id ?? '', ACTOR);
    expect(await looked()).toBe(0);
    for (const [day, times] of [
      [1, 1],
      [2, 1],
      [29, 1],
      [30, 0],
    ] as const) {
      await aged(day);
      expect({ day, times: await looked() }).toEqual({ day, times });
      expect(await looked()).toBe(0);
    }
  },
};
