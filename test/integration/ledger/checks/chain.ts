import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { AuditHead } from '../../../../src/booking/ledger/audit.js';
import { verifyChain } from '../../../../src/booking/ledger/audit-verify.js';
import {
  accept,
  accepted,
  ACTOR,
  MAX_LENGTH,
  newOffer,
  requestFor,
  type TestLedger,
} from '../../../support/ledger.js';
import { newGround } from '../../embedded/support.js';
import type { Checks } from './check.js';

const PATIENCE_MS = 30_000;

async function sealWhatCanBe({ ledger }: TestLedger): Promise<void> {
  while ((await ledger.seal()) > 0);
}

/** An open transaction anywhere on the server, another test's too, puts seals off: those are waited for. */
async function sealAll(world: TestLedger): Promise<void> {
  const begun = Date.now();
  const unsealed =
    'select where (select count(*) from audit_event) <> (select coalesce(sum(events), 0) from audit_seal)';
  while ((await world.sql(unsealed)).length > 0 && Date.now() - begun < PATIENCE_MS) {
    if ((await world.ledger.seal()) === 0) await sleep(20);
  }
}

/** Every event lies under exactly one seal. */
async function expectAllSealed(world: TestLedger): Promise<void> {
  const [row] = await world.sql<{ sealed: string; events: string; outside: string }>(
    `with epoch as (
       select first_id, lead(first_id, 1, 9223372036854775807) over (order by first_id) as end_id
       from audit_seal group by first_id
     )
     select (select sum(events) from audit_seal) as sealed, (select count(*) from audit_event) as events,
       (select count(*) from audit_event e where
         (select count(*) from audit_seal s join epoch using (first_id)
          where e.id >= s.first_id and e.id < epoch.end_id and e.xid >= s.bound_from and e.xid < s.bound_to) <> 1) as outside`,
  );
  expect(row).toEqual({ sealed: row?.events, events: row?.events, outside: '0' });
  expect(await verifyChain(await world.session())).toMatchObject({ ok: true, violations: [] });
}

/** What is found after the statement, which is undone. */
async function violationsAfter(session: Client, statement: string): Promise<readonly string[]> {
  await session.query('begin');
  try {
    const { rowCount } = await session.query(statement);
    if (rowCount === 0) throw new Error(`nothing was tampered with: ${statement}`);
    return (await verifyChain(session)).violations;
  } finally {
    await session.query('rollback');
  }
}

/** Everything after a seal, and all that told of it. */
const CUT_AFTER = `
  with cut as (select * from audit_seal where number = $1),
    seals as (delete from audit_seal where number > $1),
    events as (delete from audit_event using cut where xid >= bound_to)
  update audit_chain c set number = cut.number, bound = cut.bound_to, hash = cut.hash from cut`;

/** Every hash reckoned again from the events as they are now, as somebody would who has the whole database. */
const MAKE_ANEW = `do $$
  declare
    s record;
    v_hash bytea := sha256('fairline');
  begin
    for s in select * from audit_seal order by number loop
      v_hash := (select hash from audit_digest(v_hash, s.first_id, 9223372036854775807, s.bound_from, s.bound_to));
      update audit_seal set hash = v_hash where number = s.number;
    end loop;
    update audit_chain set hash = v_hash;
  end $$`;

const SEALED = '(select id from audit_event order by id offset 3 limit 1)';

const TAMPERING: readonly string[] = [
  ...[
    "action = 'nothing'",
    "actor_id = 'nobody'",
    "actor_kind = 'operator'",
    'quantity = 7',
    'ordinal = 99',
  ].map((change) => `update audit_event set ${change} where id = ${SEALED}`),
  ...["at = at + interval '1 us'", 'version = version + 1', "to_state = 'paid'", "from_state = 'held'"].map(
    (change) => `update audit_event set ${change} where id = ${SEALED}`,
  ),
  ...[
    "address = '10.0.0.1'",
    "correlation_id = 'x'",
    `detail = '{"a":1}'`,
    "offer_id = 'x'",
    'xid = xid + 1',
  ].map((change) => `update audit_event set ${change} where id = ${SEALED}`),
  `update audit_event set booking_id = gen_random_uuid() where id = ${SEALED}`,
  `delete from audit_event where id = ${SEALED}`,
  `update audit_event set id = default where id = ${SEALED}`,
  `insert into audit_event (xid, at, action, actor_kind, actor_id)
   select xid, at, 'accept', 'system', 'forger' from audit_event where id = ${SEALED}`,
  'delete from audit_seal where number = 1',
  'delete from audit_seal where number = 2',
  'delete from audit_seal where number = (select max(number) from audit_seal)',
  'update audit_seal set events = events + 1 where number = 2',
  `update audit_seal set hash = sha256('forged') where number = 2`,
  'update audit_seal set bound_to = bound_to + 1 where number = 2',
  'update audit_chain set number = number + 1',
  'update audit_chain set bound = bound + 1',
];

/** Transactions that the server counts and that do nothing: its numbers run ahead of another's. */
const spendTransactions = (world: TestLedger, many: number): Promise<unknown> =>
  world.sql(`do $$ begin for n in 1..${many} loop perform pg_current_xact_id(); commit; end loop; end $$`);

const nextTransaction = async (world: TestLedger): Promise<number> => {
  const [row] = await world.sql<{ next: string }>('select pg_snapshot_xmax(pg_current_snapshot()) as next');
  return Number(row?.next);
};

/** Gives what `restored` was done with: the ledger on a server that has counted far fewer transactions. */
async function onAnotherServer(
  world: TestLedger,
  work: (restored: TestLedger) => Promise<void>,
): Promise<void> {
  const ground = await newGround();
  try {
    const { url } = await ground.start();
    await spendTransactions(world, 5000);
    const restored = await world.restoredOn(url);
    try {
      expect(await nextTransaction(restored)).toBeLessThan((await nextTransaction(world)) - 1000);
      await work(restored);
    } finally {
      await restored.close();
    }
  } finally {
    await ground.remove();
  }
}

/** Some bookings, of which the last are not sealed. */
async function partlySealed(world: TestLedger): Promise<string> {
  const { id } = await newOffer(world, { capacity: 100 });
  await spendTransactions(world, 5000);
  await accept(world, id, [1, 1]);
  await sealAll(world);
  await accept(world, id, [1]);
  await accept(world, id, [1]);
  return id;
}

/** On a ledger whose chain has two epochs. */
const ACROSS_EPOCHS: readonly string[] = [
  'update audit_seal set first_id = first_id + 1 where first_id > 0',
  'update audit_seal set first_id = 0',
  'update audit_chain set first_id = first_id - 1',
  'delete from audit_event where id = (select first_id from audit_chain)',
  'delete from audit_event where id = (select first_id - 1 from audit_chain)',
  `insert into audit_event (id, xid, at, action, actor_kind, actor_id) overriding system value
   select -1, 9000000000, at, 'accept', 'system', 'forger' from audit_event limit 1`,
  `insert into audit_event (xid, at, action, actor_kind, actor_id)
   select 1, at, 'accept', 'system', 'forger' from audit_event limit 1`,
];

export const chain: Checks = {
  'goes on after a dump was restored on a server that has counted fewer transactions, and verifies across':
    async (world) => {
      const id = await partlySealed(world);
      await onAnotherServer(world, async (restored) => {
        const verified = async (): Promise<readonly string[]> =>
          (await verifyChain(await restored.session())).violations;
        expect(await verified()).toEqual([]);
        await accept(restored, id, [1, 1]);
        // What was written here before anybody sealed is neither a forgery of what was sealed there nor forgotten.
        expect(await verified()).toEqual([]);
        for (let batch = 0; batch < 3; batch++) {
          await sealAll(restored);
          await expectAllSealed(restored);
          await accept(restored, id, [1]);
        }
        await sealAll(restored);
        const session = await restored.session();
        for (const statement of ACROSS_EPOCHS) {
          const found = await violationsAfter(session, statement);
          expect({ statement, found: found.length > 0 }).toEqual({ statement, found: true });
        }
        const again = await restored.restoredOn(world.url);
        try {
          await sealAll(again);
          await accept(again, id, [1]);
          await sealAll(again);
          await expectAllSealed(again);
        } finally {
          await again.close();
        }
      });
    },

  'goes on after a dump in which everything was sealed, and keeps a transaction open across the change':
    async (world) => {
      const id = await partlySealed(world);
      await sealAll(world);
      await onAnotherServer(world, async (restored) => {
        const late = await restored.session();
        await late.query('begin');
        accepted((await restored.within(late).accept([requestFor(id)], MAX_LENGTH)).outcomes[0]);
        const other = await newOffer(restored);
        await sealWhatCanBe(restored);
        await late.query('commit');
        await accept(restored, other.id, [1]);
        await sealAll(restored);
        await expectAllSealed(restored);
      });
    },

  'is told to be broken where the sealer stands still while events come': async (world) => {
    const { id } = await newOffer(world, { capacity: 100 });
    await accept(world, id, [1]);
    await sealAll(world);
    await accept(world, id, [1]);
    const later = `update audit_event set at = at + interval '61 s' where id = (select max(id) from audit_event)`;
    const session = await world.session();
    await session.query('begin');
    await world.within(session).accept([requestFor(id)], MAX_LENGTH);
    await session.query(later);
    const { ok, violations } = await verifyChain(session);
    await session.query('rollback');
    expect({ ok, violations }).toEqual({
      ok: false,
      violations: [
        expect.stringMatching(/^1 events were not sealed although others came more than 60 s later/),
      ],
    });
  },

  'skips no commit that comes late, however early its transaction began': async (world) => {
    const [early, busy] = [await newOffer(world), await newOffer(world)];
    const late = await world.session();
    await late.query('begin');
    accepted((await world.within(late).accept([requestFor(early.id)], MAX_LENGTH)).outcomes[0]);
    await accept(world, busy.id, [1, 1]);
    await sealWhatCanBe(world);
    await accept(world, busy.id, [1]);
    await sealWhatCanBe(world);
    await late.query('commit');
    await accept(world, busy.id, [1]);
    await sealAll(world);
    await expectAllSealed(world);
  },

  'seals every event once while bookings are accepted and several sealers are at work': async (world) => {
    const offers = await Promise.all([1, 2, 3].map(() => newOffer(world, { limitPerCustomer: 1 })));
    const processes = [1, 2].map(() => world.another().ledger);
    let accepting = true;
    const sealers = processes.map(async (ledger) => {
      while (accepting) await ledger.seal();
    });
    await Promise.all(
      offers.map(async ({ id }) => {
        for (let batch = 0; batch < 25; batch++) {
          await accept(world, id, [1, 1, 1]);
          await world.ledger.admit(id, ACTOR, 1);
        }
      }),
    );
    accepting = false;
    await Promise.all(sealers);
    await sealAll(world);
    await expectAllSealed(world);
  },

  'tells of any event changed, removed or added, and of any seal that is gone or forged': async (world) => {
    for (let n = 0; n < 4; n++) {
      const { id } = await newOffer(world);
      await accept(world, id, [1, 1]);
      await sealAll(world);
    }
    const session = await world.session();
    expect((await verifyChain(session)).violations).toEqual([]);
    for (const statement of TAMPERING) {
      const found = await violationsAfter(session, statement);
      expect({ statement, found: found.length > 0 }).toEqual({ statement, found: true });
    }
    expect((await verifyChain(session)).violations).toEqual([]);
  },

  'is whole in itself where its end was cut off or it was made anew: what was kept elsewhere tells': async (
    world,
  ) => {
    const heads: AuditHead[] = [];
    for (let n = 0; n < 4; n++) {
      const { id } = await newOffer(world);
      await accept(world, id, [1, 1], { actor: { ...ACTOR, address: '192.0.2.7' } });
      await sealAll(world);
      heads.push(await world.ledger.auditHead());
    }
    const session = await world.session();
    expect((await verifyChain(session, heads)).violations).toEqual([]);
    const [first, , third, last] = heads;
    if (first === undefined || third === undefined || last === undefined) throw new Error('no heads');

    await session.query('begin');
    await session.query(CUT_AFTER, [third.sequence]);
    expect((await verifyChain(session)).violations).toEqual([]);
    expect((await verifyChain(session, [first, third])).violations).toEqual([]);
    expect((await verifyChain(session, heads)).violations).toEqual([
      expect.stringContaining(`there is no seal ${last.sequence} as the anchor`),
    ]);
    await session.query('rollback');

    const { sequence } = third;
    await session.query('begin');
    await session.query(`update audit_event set quantity = 7 where id = ${SEALED}`);
    expect((await verifyChain(session)).violations).toEqual([
      expect.stringMatching(/^seal \d+ does not match/),
    ]);
    await session.query(MAKE_ANEW);
    expect((await verifyChain(session)).violations).toEqual([]);
    expect((await verifyChain(session, [{ sequence, digest: third.digest }])).violations).toEqual([
      `seal ${sequence} is not the one of the anchor ${third.anchor}: the chain was made anew`,
    ]);
    await session.query('rollback');
    expect((await verifyChain(session, [{ sequence: 0, digest: '0'.repeat(64) }])).ok).toBe(false);
  },

  'stays valid where an address is erased and its salted digest kept': async (world) => {
    const { id } = await newOffer(world);
    await accept(world, id, [1], { actor: { ...ACTOR, address: '192.0.2.7' } });
    await sealAll(world);
    const session = await world.session();
    const erase = `with erased as (
        insert into audit_event (at, booking_id, action, actor_kind, actor_id, salt)
        select at, booking_id, 'erase', 'system', 'test', null from audit_event where address is not null
      )
      update audit_event e set address = null, address_digest = audit_person(e), salt = null where address is not null`;
    expect(await violationsAfter(session, erase)).toEqual([]);
    for (const forge of [
      `address = '192.0.2.8'`,
      'salt = gen_random_uuid()',
      `salt = null`,
      `address = null, salt = null, address_digest = encode(sha256('192.0.2.7'), 'hex')`,
    ]) {
      const found = await violationsAfter(
        session,
        `update audit_event set ${forge} where address is not null`,
      );
      expect({ forge, found: found.length > 0 }).toEqual({ forge, found: true });
    }
  },
};
