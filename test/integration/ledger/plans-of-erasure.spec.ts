import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../../src/booking/ledger/ledger.js';
import { accepted, ACTOR, MAX_LENGTH, newOffer, requestFor } from '../../support/ledger.js';
import { newRooms, stayFor } from '../../support/stays.js';
import { EarlyPlans } from './early-plans.js';

jest.setTimeout(120_000);

const BATCH = 500;
const BATCHES = 8;
const CHUNK = 50;
/** A chunk's bookings are found, looked at and written, in turn. */
const ERASED = 4 * CHUNK;
const LONG_AGO = `check_in = now() - interval '90 days', first_day = current_date - 90, last_day = current_date - 90`;

/** As in `plans.spec.ts`: what erasure reads depends on what it erases, never on how many bookings there are. */
describe('Plans of erasure that were made while the tables were empty', () => {
  let plans: EarlyPlans;
  let ledger: Ledger;
  let crowd: string;
  let hotel: string;
  let customers: string[];

  beforeAll(async () => {
    plans = await EarlyPlans.open();
    ({ ledger } = plans);
    await sell(1, 2);
    await plans.world.sql(`update offer set starts_at = now() - interval '60 days' where kind = 'ticket'`);
    await ledger.eraseCustomer(customers[0] ?? '', ACTOR);
    for (let n = 0; n < 4; n++) {
      await eraseStays();
      await eraseLine();
    }
    await ledger.erasedElsewhere(0, 100);
    await sell(BATCHES, BATCH);
  });
  afterAll(() => plans.close());

  /** As a worker does: the next chunk of the stays, and of a line, that are over. */
  async function eraseStays(): Promise<void> {
    await ledger.eraseBookings(await ledger.overStays(30, CHUNK), ACTOR);
  }
  async function eraseLine(): Promise<void> {
    const part = await ledger.overLine(30, CHUNK);
    if (part === null) return;
    await ledger.eraseBookings(part.ids, ACTOR);
    await ledger.walkLine(part);
  }

  /** So many batches of tickets, and one of stays; all of them left. */
  async function sell(batches: number, size: number): Promise<void> {
    ({ id: crowd } = await newOffer({ ledger }, { capacity: 10_000 }));
    ({ id: hotel } = await newRooms({ ledger }, 3, 10_000));
    customers = [];
    for (let batch = 0; batch < batches; batch++) {
      const requests = Array.from({ length: size }, (_, n) =>
        requestFor(crowd, { idempotencyKey: `key-${n}`, email: 'fan@example.org' }),
      );
      (await ledger.accept(requests, MAX_LENGTH)).outcomes.map(accepted);
      customers.push(...requests.map(({ customerId }) => customerId));
    }
    const stays = Array.from({ length: size }, () => stayFor(hotel, [1, 1]));
    (await ledger.acceptStays(stays, MAX_LENGTH)).outcomes.map(accepted);
    // What they went through says nothing here, and going through it one by one takes long.
    await plans.world.sql(`update booking set state = 'cancelled' where offer_id in ($1, $2)`, [
      crowd,
      hotel,
    ]);
    // What that read is counted now, not in the middle of what comes.
    await plans.world.sql('select pg_stat_force_next_flush()');
  }

  it('read what one customer has', async () => {
    expect(await plans.readTooMuch(1, () => ledger.eraseCustomer(customers[2000] ?? '', ACTOR))).toEqual([]);
  });

  it('read a chunk of a line that is over', async () => {
    await plans.world.sql(`update offer set starts_at = now() - interval '60 days' where id = $1`, [crowd]);
    // The sums over what was deleted and written count as well.
    expect(await plans.readTooMuch(ERASED, eraseLine)).toEqual([]);
    expect(await plans.readTooMuch(CHUNK, () => ledger.erasedElsewhere(0, CHUNK))).toEqual([]);
    await plans.world.sql(`update offer_erasure set next_at = 'infinity'`);
  });

  it('read a chunk of the stays that are over, and nothing where there is none', async () => {
    expect(await plans.readTooMuch(0, eraseStays)).toEqual([]);
    await plans.world.sql(
      `update booking set ${LONG_AGO} where id in (select id from booking where offer_id = $1 limit ${CHUNK})`,
      [hotel],
    );
    expect(await plans.readTooMuch(ERASED, eraseStays)).toEqual([]);
    expect(await plans.readTooMuch(0, eraseStays)).toEqual([]);
  });

  it('read, of what was sealed before there were salts, the seals that are about it, however many there are', async () => {
    const { world } = plans;
    const sealAll = async (): Promise<void> => {
      const left = 'select from audit_event, audit_chain where xid >= bound limit 1';
      while ((await world.sql(left)).length > 0) if ((await ledger.seal()) === 0) await sleep(20);
    };
    await sealAll();
    await world.sql('alter table audit_event alter column salt drop default');
    await world.sql(`delete from audit_event where action = 'audit.salts'`);
    const { id } = await newOffer({ ledger }, { capacity: 100 });
    for (let n = 0; n < 4; n++) {
      const actor = { kind: 'customer', id: 'early', address: '192.0.2.1', correlationId: '' } as const;
      await ledger.accept([requestFor(id, { customerId: 'early', actor })], MAX_LENGTH);
      await sealAll();
    }
    await world.sql('select begin_salts()');
    await world.sql(`update booking set state = 'cancelled' where customer_id = 'early'`);
    await world.sql(`insert into audit_seal (number, first_id, bound_from, bound_to, events, hash, sealed_at)
      select -n, 0, -n, 1 - n, 1, '', now() from generate_series(1, 5000) n`);
    await world.sql('select pg_stat_force_next_flush()');
    expect(await plans.readTooMuch(ERASED, () => ledger.eraseCustomer('early', ACTOR))).toEqual([]);
    expect(await world.sql('select from audit_seal where recoded is not null')).toHaveLength(4);
  });
});
