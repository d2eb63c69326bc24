import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { Client } from 'pg';
import { forgetCustomer } from '../../../src/booking/erasure.js';
import type { AuditHead } from '../../../src/booking/ledger/audit.js';
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
import { DataKeeper } from '../../../src/worker/data-keeper.js';
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
    { verb: 'over_line', find: "p_age - interval '1 day'", put: 'p_age' },
  ],
};

/** What somebody does with the database who has changed what a seal covers and wants it to be taken for an erasure. */
const forge = (number: number): string => `do $$ declare s record; h bytea; n bigint; begin
  select * into s from audit_seal where number = ${number};
  select hash into h from audit_digest(s.hash, s.first_id, 9223372036854775807, s.bound_from, s.bound_to);
  insert into audit_event (at, action, actor_kind, actor_id, salt, detail) values (now(), 'audit.recode', 'system', 'forger', null,
    jsonb_build_object('seal', s.number, 'hash', encode(s.hash, 'hex'), 'digest', encode(h, 'hex'))) returning id into n;
  update audit_seal set recoded = h, recode_event = n where number = s.number;
end $$`;

describe('Erasure', () => {
  let world: TestLedger;
  beforeEach(async () => {
    failures.length = 0;
    world = await openLedger(AT_ONCE);
  });
  afterEach(() => world.close());

  const sealAll = async (): Promise<void> => {
    // a transaction of another test, which puts seals off, is waited for
    const unsealed =
      'select where (select count(*) from audit_event) <> (select coalesce(sum(events), 0) from audit_seal)';
    while ((await world.sql(unsealed)).length > 0) if ((await world.ledger.seal()) === 0) await sleep(20);
  };
  const chainIs = async (): Promise<readonly string[]> =>
    (await verifyChain(await world.session())).violations;
  const isOver = (): Promise<unknown> =>
    world.sql(`update offer set starts_at = clock_timestamp() where kind = 'ticket'`);
  const failures: unknown[] = [];
  const eraseOver = (limit?: number, ageDays = 0): Promise<number> => {
    const elsewhere = { forget: () => Promise.resolve() };
    const tell = (error: unknown): void => void failures.push(error);
    const keeper = new DataKeeper(world.ledger, elsewhere, elsewhere, ACTOR, ageDays, tell, limit);
    return keeper.eraseOver(new AbortController().signal);
  };
  /** Only as of now there are salts: what comes before is as an older release wrote it. */
  const beforeSalts = async (write: () => Promise<void>): Promise<void> => {
    await world.sql(`alter table audit_event alter column salt drop default`);
    await world.sql(`delete from audit_event where action = 'audit.salts'`);
    await write();
    await world.sql('select begin_salts()');
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
    // Some wait for units that another system sells.
    const waiting = await world.sql<{ id: string }>(`select id from booking where state = 'waiting'`);
    for (const { id } of waiting) await world.ledger.cancel(id, ACTOR);
    await sealAll();
    const before = await world.ledger.auditHead();
    expect(await traces(CANARY, ADDRESS)).not.toEqual({});
    await isOver();
    // Attempts that nobody heard of again keep their bookings: here they are all settled.
    const left = await world.sql(`select from payment_attempt where state = 'started'`);
    expect(left).toEqual([]);
    expect(await eraseOver(7)).toBeGreaterThan(0);
    expect(failures).toEqual([]);
    expect(failures).toEqual([]);
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
    await eraseOver(undefined, 41);
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

  describe('of what was sealed before there were salts', () => {
    const bookings: string[] = [];
    let head: AuditHead;
    let session: Client;
    beforeEach(async () => {
      bookings.length = 0;
      await beforeSalts(async () => {
        const { id } = await newOffer(world);
        for (const n of [1, 2, 3]) {
          const [booking] = await accept(world, id, [1], byCustomer(n));
          await accept(world, id, [1], byCustomer(`beside-${n}`));
          bookings.push(booking?.bookingId ?? '');
          if (n < 3) await sealAll();
        }
        head = await world.ledger.auditHead();
      });
      await sealAll();
      for (const bookingId of bookings) await world.ledger.cancel(bookingId, ACTOR);
      session = await world.session();
    });

    const isFound = async (change: string): Promise<void> => {
      await session.query('begin');
      const { rowCount } = await session.query(change);
      const { violations } = await verifyChain(session);
      await session.query('rollback');
      expect({ change, changed: rowCount !== 0, found: violations.length > 0 }).toEqual({
        ...{ change, changed: true, found: true },
      });
    };

    it('reaches it, and tells of whoever changes it afterwards', async () => {
      expect(
        await world.sql(`select from audit_event where address is not null and salt is null`),
      ).toHaveLength(4);
      for (const n of [1, 3]) expect(await forgetCustomer(world.ledger, customerOf(n), OPERATOR)).toBe(1);
      await sealAll();
      expect((await verifyChain(session, [head])).violations).toEqual([]);
      expect(await world.sql('select number from audit_seal where recoded is not null')).toHaveLength(1);
      expect(await traces(customerOf(1), `${CANARY}-3@`)).toEqual({});
      const recoded = `(select e.id from audit_event e join audit_seal s on e.xid >= bound_from and e.xid < bound_to
        where recoded is not null and e.salt is not null limit 1)`;
      for (const change of [
        `update audit_event set quantity = 9 where address_digest like 's2:%'`,
        `update audit_event set actor_id = 'somebody' where actor_id = 'erased'`,
        `update audit_event set address_digest = 's2:' || repeat('0', 64) where address_digest is not null`,
        `update audit_event set address = '192.0.2.1' where address_digest is not null`,
        `update audit_event set salt = gen_random_uuid() where id = ${recoded}`,
        `update audit_seal set recoded = null where recoded is not null`,
        `update audit_seal set recoded = sha256('anew') where recoded is not null`,
        `delete from audit_event where action = 'audit.recode'`,
        `delete from audit_event where action = 'erase'`,
        `delete from audit_event where action = 'audit.salts'`,
      ]) {
        await isFound(change);
      }
      expect(await chainIs()).toEqual([]);
    });

    it('says which seals no early anchor proves any more, and from where on one does', async () => {
      expect((await verifyChain(session, [head])).notes).toEqual([]);
      await forgetCustomer(world.ledger, customerOf(1), OPERATOR);
      expect((await verifyChain(session)).notes).toEqual([
        expect.stringMatching(/^1 seal was recoded by erasure: 1, of the \d .* No anchor yet proves/),
      ]);
      await sealAll();
      const later = await world.ledger.auditHead();
      expect((await verifyChain(session, [head])).notes).toEqual([
        expect.stringContaining(`Only anchors from ${later.sequence} on prove what they cover`),
      ]);
      expect((await verifyChain(session, [head])).notes[0]).toContain('None of those given does.');
      expect((await verifyChain(session, [head, later])).notes[0]).not.toContain('None');
    });

    it('tells of whoever recodes a seal without erasing anybody, once more, or from after salts began', async () => {
      await forgetCustomer(world.ledger, customerOf(1), OPERATOR);
      await sealAll();
      const { sequence } = await world.ledger.auditHead();
      const recoded = (number: number, how: string): string => `seal ${number} was recoded ${how}`;
      for (const [number, expected] of [
        [1, recoded(1, 'more than once')],
        [2, recoded(2, 'although no booking in it was erased')],
        [sequence, recoded(sequence, 'although it was made after salts began')],
      ] as const) {
        await session.query('begin');
        await session.query(forge(number));
        expect((await verifyChain(session, [head])).violations).toEqual([expected]);
        await session.query('rollback');
      }
    });

    it('tells of whoever says anew when salts began', async () => {
      await forgetCustomer(world.ledger, customerOf(1), OPERATOR);
      await sealAll();
      const { sequence } = await world.ledger.auditHead();
      await session.query('begin');
      await session.query(`insert into audit_event (at, action, actor_kind, actor_id, salt, detail)
        values (now(), 'audit.salts', 'system', 'migration', null, jsonb_build_object('seal', ${sequence}))`);
      expect((await verifyChain(session)).violations).toEqual(
        expect.arrayContaining([
          'the audit log says 2 times when salts began: all but one were forged',
          expect.stringMatching(/^seal \d+ has salts although it is said to be from before them/),
        ]),
      );
      await session.query('rollback');
    });

    it('erases some at a time where many seals are to be recoded, each with its own', async () => {
      const both = bookings.slice(0, 2);
      const part = (ids: readonly string[], events: number): Promise<unknown> =>
        world.sql(
          `select cardinality(recode_bookings(array(select id from booking where id = any ($1)), $2, '{"kind": "system", "id": "x"}')) as ready`,
          [ids, events],
        );
      expect(await part(both, 1)).toEqual([{ ready: 1 }]);
      expect(await part(both, 1)).toEqual([{ ready: 2 }]);
      expect(await part(both, 1)).toEqual([{ ready: 2 }]);
    });
  });

  it('tells of whoever wipes or exchanges who did it, and where from, without an erasure', async () => {
    const { id } = await newOffer(world);
    const [one, two] = await accept(world, id, [1, 1], byCustomer(1));
    await world.ledger.cancel(two?.bookingId ?? '', byCustomer(1).actor);
    await world.ledger.cancel(one?.bookingId ?? '', OPERATOR);
    await world.ledger.noteOperation('export', null, OPERATOR, {});
    await sealAll();
    const session = await world.session();
    const wipe = `address_digest = audit_person(e), salt = null, address = null,
      actor_id = case when actor_kind = 'customer' then 'erased' else actor_id end where salt is not null`;
    const plain = `encode(sha256(convert_to(coalesce(address, ''), 'UTF8')), 'hex')`;
    for (const change of [
      `${wipe} and booking_id = '${one?.bookingId}'`,
      `${wipe} and booking_id is null`,
      `address_digest = ${plain}, address = '192.0.2.66' where salt is null`,
      `address_digest = ${plain} where salt is null and action = 'offer.create'`,
    ]) {
      await session.query('begin');
      const { rowCount } = await session.query(`update audit_event e set ${change}`);
      const { violations } = await verifyChain(session);
      await session.query('rollback');
      expect({ change, changed: rowCount !== 0, found: violations.length > 0 }).toEqual({
        ...{ change, changed: true, found: true },
      });
    }
    // What happens to a booking after its erasure is no part of it.
    await world.ledger.writeSellOut(id, ACTOR);
    await forgetCustomer(world.ledger, customerOf(1), OPERATOR);
    await world.ledger.noteOperation('document.read', one?.bookingId ?? '', OPERATOR, {});
    await sealAll();
    expect((await verifyChain(session)).violations).toEqual([]);
    await session.query(`update audit_event e set ${wipe} and action = 'document.read'`);
    expect((await verifyChain(session)).violations).toEqual([
      'of 1 events it was wiped who did them, and no booking of theirs was erased',
    ]);
  });

  it('goes on with everybody else where one booking cannot be erased, and tries that one again a day later', async () => {
    const hotel = await newRooms(world, 5, 3);
    const { id: early } = await newOffer(world, { capacity: 9 });
    const rotten: string[] = [];
    await beforeSalts(async () => {
      const { outcomes } = await world.ledger.acceptStays(
        [stayFor(hotel.id, [1, 1], byCustomer(1))],
        MAX_LENGTH,
      );
      rotten.push(...outcomes.map((outcome) => (outcome.accepted ? outcome.bookingId : '')));
      rotten.push((await accept(world, early, [1], byCustomer(2)))[0]?.bookingId ?? '');
      await sealAll();
    });
    await world.sql(`update audit_event set correlation_id = 'bit rot' where action = 'accept'`);
    const stay = await world.ledger.acceptStays([stayFor(hotel.id, [2, 2])], MAX_LENGTH);
    const good = stay.outcomes.map((outcome) => (outcome.accepted ? outcome.bookingId : ''));
    for (const offer of [early, (await newOffer(world)).id])
      good.push((await accept(world, offer, [1]))[0]?.bookingId ?? '');
    for (const bookingId of [...rotten, ...good]) await world.ledger.cancel(bookingId, ACTOR);
    await world.sql(`update booking set first_day = current_date - 40, last_day = current_date - 40,
      check_in = now() - interval '40 days' where check_in is not null`);
    await isOver();
    expect(await eraseOver()).toBe(good.length);
    const erased = await world.sql<{ id: string }>('select id from booking where erased_at is not null');
    expect(erased.map((row) => row.id).sort()).toEqual([...good].sort());
    expect(failures.map(String).sort()).toEqual(
      [...rotten].sort().map((id) => `Error: Booking ${id} could not be erased; next try in a day`),
    );
    expect(await world.ledger.erasuresPutOff()).toBe(2);
    expect(await eraseOver()).toBe(0);
    expect(failures).toHaveLength(2);
    // Mended, and a day later.
    await world.sql(`update audit_event e set correlation_id = b.correlation_id from booking b
      where b.id = e.booking_id and e.correlation_id = 'bit rot'`);
    await world.sql(`update erasure_put_off set until = now()`);
    await world.sql(`update offer_erasure set next_at = now() where next_at < 'infinity'`);
    expect(await eraseOver()).toBe(2);
    expect(await world.ledger.erasuresPutOff()).toBe(0);
    await sealAll();
    expect(await chainIs()).toEqual([]);
  });

  it('finds nothing under a pseudonym, at once', async () => {
    const { id } = await newOffer(world);
    const [booking] = await accept(world, id, [1], byCustomer(1));
    await world.ledger.cancel(booking?.bookingId ?? '', ACTOR);
    await forgetCustomer(world.ledger, customerOf(1), OPERATOR);
    const [row] = await world.sql<{ customer_id: string }>('select customer_id from booking');
    expect(await forgetCustomer(world.ledger, row?.customer_id ?? '', OPERATOR)).toBe(0);
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
      { erased: 12, left: 18 },
      { erased: 12, left: 6 },
      { erased: 6, left: 0 },
    ]);
  });
});
