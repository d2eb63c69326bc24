import fc from 'fast-check';
import { forgetCustomer } from '../../../src/booking/erasure.js';
import { verifyChain } from '../../../src/booking/ledger/audit-verify.js';
import type { ProviderCharge } from '../../../src/booking/ledger/types.js';
import {
  accept,
  ACTOR,
  broken,
  chargesAsTold,
  MAX_LENGTH,
  newOffer,
  openLedger,
  payFor,
  refusalOf,
  requestFor,
  type Tampering,
  type TestLedger,
} from '../../support/ledger.js';
import { newRooms, stayFor } from '../../support/stays.js';
import { Crowd, TICKETS, type Sale } from './crowd.js';
import { command, rules, seedOf } from './program.js';

jest.setTimeout(120_000);

const CUSTOMERS = 6;
/** What must be nowhere once it was erased. */
const CANARY = 'canary';
const ADDRESS = '203.0.113.77';
const OPERATOR = { kind: 'operator', id: 'op', address: '198.51.100.9', correlationId: 'erasing' } as const;

const customerOf = (n: number | string): string => `${CANARY}-fan-${n}`;
const byCustomer = (n: number | string) => ({
  customerId: customerOf(n),
  email: `${CANARY}-${n}@example.org`,
  actor: { kind: 'customer', id: customerOf(n), address: ADDRESS, correlationId: 'booking' } as const,
});

/** Bookings of people who can be told from one another, by themselves. */
const NAMED: Sale = {
  ...TICKETS,
  named: ({ customer, prepaid }) => ({
    ...byCustomer(customer),
    paymentMethod: prepaid ? `${CANARY}_card` : null,
  }),
};

/** An event is over when it begins, not a day later. */
const AT_ONCE: Tampering = {
  routines: [
    { verb: 'booking_over_at', find: " + interval '1 day'", put: '' },
    { verb: 'erase_over', find: "p_age - interval '1 day'", put: 'p_age' },
  ],
};

describe('Erasure', () => {
  let world: TestLedger;
  beforeEach(async () => {
    world = await openLedger(AT_ONCE);
  });
  afterEach(() => world.close());

  const sealAll = async (): Promise<void> => {
    while ((await world.ledger.seal()) > 0);
  };
  const chainIs = async (): Promise<readonly string[]> =>
    (await verifyChain(await world.session())).violations;
  const isOver = (): Promise<unknown> =>
    world.sql(`update offer set starts_at = clock_timestamp() where kind = 'ticket'`);
  const eraseOver = async (limit?: number): Promise<number> => {
    let total = 0;
    for (;;) {
      const { erased, more } = await world.ledger.eraseOver(0, ACTOR, limit);
      total += erased;
      if (!more) return total;
    }
  };

  /** Tables, and how many of their rows still say something of it. */
  async function traces(...words: readonly string[]): Promise<Record<string, number>> {
    const tables = await world.sql<{ name: string }>(
      `select quote_ident(table_name) as name from information_schema.tables
       where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    const found: Record<string, number> = {};
    for (const { name } of tables) {
      for (const word of words) {
        const [row] = await world.sql<{ n: string }>(
          `select count(*) as n from ${name} t where strpos(t::text, $1) > 0`,
          [word],
        );
        if (row !== undefined && row.n !== '0') found[`${name} ${word}`] = Number(row.n);
      }
    }
    return found;
  }

  it('leaves every invariant and the chain as they were, whatever happened before', async () => {
    const charges = new Map<string, ProviderCharge>();
    const processes = [world.ledger, world.another().ledger];
    const programmes = fc.array(fc.array(command(CUSTOMERS), { minLength: 5, maxLength: 30, size: 'max' }), {
      minLength: 2,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(rules, programmes, async (drawn, drawnProgrammes) => {
        const crowd = await Crowd.meet(world, processes, drawn, charges, NAMED);
        await crowd.run(drawnProgrammes);
        // Meanwhile and again and again: whoever has nothing open is forgotten, the others are refused.
        for (let n = 0; n < CUSTOMERS; n++) {
          const answer = await refusalOf(forgetCustomer(world.ledger, customerOf(n), OPERATOR));
          expect(['DONE', 'BOOKINGS_OPEN']).toContain(answer);
        }
        await crowd.settle();
        expect(await broken(world, [...charges.values()])).toEqual({});
      }),
      { numRuns: 8, seed: seedOf('erasure'), endOnFailure: true },
    );
    for (const refund of await world.ledger.dueRefunds(1000)) {
      await world.ledger.refundSucceeded(refund.id, ACTOR);
      const charge = charges.get(refund.providerKey);
      if (charge !== undefined)
        charges.set(refund.providerKey, { ...charge, refundedMinor: refund.amount.amountMinor });
    }
    await sealAll();
    const before = await world.ledger.auditHead();
    expect(await traces(CANARY, ADDRESS)).not.toEqual({});
    await isOver();
    // Attempts that nobody heard of again keep their bookings: here they are all settled.
    const left = await world.sql(`select from payment_attempt where state = 'started'`);
    expect(left).toEqual([]);
    expect(await eraseOver(7)).toBeGreaterThan(0);
    expect(await traces(CANARY, ADDRESS)).toEqual({});
    expect(await world.sql('select from booking where erased_at is null')).toEqual([]);
    await sealAll();
    expect(await broken(world, [...charges.values()])).toEqual({});
    expect((await verifyChain(await world.session(), [before])).violations).toEqual([]);
    expect(await eraseOver()).toBe(0);
  });

  it('keeps who did what to which booking, but for who the customer was', async () => {
    const { id } = await newOffer(world);
    const [kept] = await accept(world, id, [1], byCustomer(1));
    const bookingId = kept?.bookingId ?? '';
    await world.ledger.admit(id, ACTOR);
    await world.ledger.pay(bookingId, `${CANARY}_card`, null, byCustomer(1).actor);
    await world.ledger.recordCharge(bookingId, 2, { kind: 'captured' }, ACTOR);
    await world.ledger.refund(bookingId, 'BY_OPERATOR', false, null, OPERATOR);
    for (const refund of await world.ledger.dueRefunds(10))
      await world.ledger.refundSucceeded(refund.id, ACTOR);
    const events = (): Promise<Record<string, unknown>[]> =>
      world.sql(
        `select action, actor_kind, actor_id, address, correlation_id, salt is null as unsalted
         from audit_event where booking_id = $1 and action <> 'erase' order by id`,
        [bookingId],
      );
    const before = await events();
    expect(await forgetCustomer(world.ledger, customerOf(1), OPERATOR)).toBe(1);
    expect(await forgetCustomer(world.ledger, customerOf(1), OPERATOR)).toBe(0);
    expect(await events()).toEqual(
      before.map((event) => ({
        ...event,
        actor_id: event['actor_kind'] === 'customer' ? 'erased' : event['actor_id'],
        address: null,
        unsalted: true,
      })),
    );
    expect(await traces(CANARY, ADDRESS)).toEqual({});
    const erasures = await world.sql(
      `select action, actor_id, address, detail, booking_id is not null as of_booking
       from audit_event where action in ('erase', 'erasure') order by id`,
    );
    const who = { actor_id: 'op', address: '198.51.100.9' };
    expect(erasures).toEqual([
      { action: 'erase', ...who, detail: { reason: 'REQUEST' }, of_booking: true },
      { action: 'erasure', ...who, detail: { bookings: 1 }, of_booking: false },
      { action: 'erasure', ...who, detail: { bookings: 0 }, of_booking: false },
    ]);
    expect(await world.sql(`select amount_minor, method from payment_attempt`)).toEqual([
      { amount_minor: '5000', method: 'erased' },
    ]);
    await sealAll();
    expect(await broken(world, await chargesAsTold(world))).toEqual({});
  });

  it('gives the bookings of one customer one pseudonym, of which nothing leads back', async () => {
    const { id } = await newOffer(world);
    for (const n of [1, 1, 2]) {
      const [booking] = await accept(world, id, [1], byCustomer(n));
      await world.ledger.cancel(booking?.bookingId ?? '', ACTOR);
    }
    for (const n of [1, 2]) await forgetCustomer(world.ledger, customerOf(n), OPERATOR);
    const rows = await world.sql<{ customer_id: string }>('select customer_id from booking order by seq');
    const [one, same, other] = rows.map(({ customer_id }) => customer_id);
    expect(one).toMatch(/^erased-[0-9a-f-]{36}$/);
    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });

  it('is refused while a booking is not over, and says which; nothing is half done', async () => {
    const { id } = await newOffer(world, { capacity: 1 });
    const [held, waiting, gone] = await accept(world, id, [1, 1, 1]);
    const ids = [held, waiting, gone].map((booking) => booking?.bookingId ?? '');
    await world.sql(`update booking set customer_id = 'one', email = 'one@example.org'`);
    await world.ledger.cancel(ids[2] ?? '', ACTOR);
    await world.ledger.admit(id, ACTOR);
    await payFor(world, ids[0] ?? '');
    const refused = forgetCustomer(world.ledger, 'one', OPERATOR);
    await expect(refused).rejects.toMatchObject({ code: 'BOOKINGS_OPEN' });
    await expect(forgetCustomer(world.ledger, 'one', OPERATOR)).rejects.toMatchObject({
      details: { bookings: expect.arrayContaining([ids[0]]) },
    });
    expect(await world.sql('select from booking where erased_at is not null')).toEqual([]);
    // Given back, but the money is not there yet.
    await world.ledger.refund(ids[0] ?? '', 'BY_OPERATOR', false, null, OPERATOR);
    while (!(await world.ledger.writeSellOut(id, ACTOR)).done);
    await world.sql(`update booking set customer_id = 'two' where id <> $1`, [ids[0]]);
    expect(await refusalOf(forgetCustomer(world.ledger, 'one', OPERATOR))).toBe('BOOKINGS_OPEN');
    for (const refund of await world.ledger.dueRefunds(10))
      await world.ledger.refundSucceeded(refund.id, ACTOR);
    expect(await forgetCustomer(world.ledger, 'one', OPERATOR)).toBe(1);
  });

  it('comes to stays when they are over, each for itself, and to what was settled late the day after', async () => {
    const hotel = await newRooms(world, 5, 3);
    const { id: event } = await newOffer(world, { capacity: 3 });
    const { outcomes } = await world.ledger.acceptStays(
      [1, 2].map((n) => stayFor(hotel.id, [n, n], byCustomer(n))),
      MAX_LENGTH,
    );
    const stays = outcomes.map((outcome) => (outcome.accepted ? outcome.bookingId : ''));
    for (const stay of stays) await world.ledger.cancel(stay, ACTOR);
    await world.sql(
      `update booking set first_day = current_date - 40, last_day = current_date - 40,
         check_in = now() - interval '40 days' where id = $1`,
      [stays[0]],
    );
    const [late, settled] = await accept(world, event, [1, 1]);
    await world.ledger.cancel(settled?.bookingId ?? '', ACTOR);
    await world.ledger.admit(event, ACTOR);
    await isOver();
    const erased = async (): Promise<string[]> =>
      (await world.sql<{ id: string }>('select id from booking where erased_at is not null')).map(
        (row) => row.id,
      );
    await world.ledger.eraseOver(41, ACTOR);
    expect(await erased()).toEqual([]);
    expect(await eraseOver()).toBe(2);
    expect((await erased()).sort()).toEqual([stays[0], settled?.bookingId].sort());
    await world.ledger.cancel(late?.bookingId ?? '', ACTOR);
    expect(await eraseOver()).toBe(0);
    await world.sql(`update offer_erasure set next_at = now() where next_at < now() + interval '25 h'`);
    expect(await eraseOver()).toBe(1);
    expect(await eraseOver()).toBe(0);
    expect(await world.sql(`select from offer_erasure where next_at = 'infinity'`)).toHaveLength(1);
  });

  it('reaches what was sealed before there were salts, and tells of whoever changes it afterwards', async () => {
    await world.sql('alter table audit_event alter column salt drop default');
    const { id } = await newOffer(world);
    const bookings: string[] = [];
    for (const n of [1, 2, 3]) {
      const [booking] = await accept(world, id, [1], byCustomer(n));
      await accept(world, id, [1]);
      bookings.push(booking?.bookingId ?? '');
      if (n < 3) await sealAll();
    }
    const head = await world.ledger.auditHead();
    await world.sql('alter table audit_event alter column salt set default gen_random_uuid()');
    for (const bookingId of bookings) await world.ledger.cancel(bookingId, ACTOR);
    expect(
      await world.sql(`select from audit_event where address is not null and salt is null`),
    ).toHaveLength(3);
    for (const n of [1, 3]) expect(await forgetCustomer(world.ledger, customerOf(n), OPERATOR)).toBe(1);
    await sealAll();
    expect((await verifyChain(await world.session(), [head])).violations).toEqual([]);
    expect(await world.sql('select number from audit_seal where recoded is not null')).toHaveLength(1);
    expect(await traces(customerOf(1), `${CANARY}-3@`)).toEqual({});

    const session = await world.session();
    const first =
      '(select min(booking_id::text)::uuid from audit_event where salt is null and booking_id is not null)';
    for (const change of [
      `update audit_event set quantity = 9 where address_digest like 's2:%'`,
      `update audit_event set actor_id = 'somebody' where actor_id = 'erased'`,
      `update audit_event set address_digest = 's2:' || repeat('0', 64) where address_digest is not null`,
      `update audit_event set address = '192.0.2.1' where address_digest is not null`,
      `update audit_event set salt = gen_random_uuid() where booking_id = ${first}`,
      `update audit_seal set recoded = null where recoded is not null`,
      `update audit_seal set recoded = sha256('anew') where recoded is not null`,
      `delete from audit_event where action = 'audit.recode'`,
    ]) {
      await session.query('begin');
      const { rowCount } = await session.query(change);
      const { violations } = await verifyChain(session);
      await session.query('rollback');
      expect({ change, changed: rowCount !== 0, found: violations.length > 0 }).toEqual({
        ...{ change, changed: true, found: true },
      });
    }
    expect(await chainIs()).toEqual([]);
  });

  it('takes no more than a chunk into one transaction', async () => {
    const { id } = await newOffer(world, { limitPerCustomer: 100, capacity: 100 });
    const requests = Array.from({ length: 30 }, () => requestFor(id, byCustomer('many')));
    for (const request of requests) await world.ledger.accept([request], MAX_LENGTH);
    await world.sql(`update booking set state = 'cancelled'`);
    const parts: unknown[] = [];
    for (let left = 1; left > 0;) {
      const part = await world.ledger.eraseCustomer(customerOf('many'), OPERATOR, 12);
      parts.push(part);
      ({ left } = part);
    }
    expect(parts).toEqual([
      { erased: 12, again: false, left: 18 },
      { erased: 12, again: false, left: 6 },
      { erased: 6, again: false, left: 0 },
    ]);
  });
});
