import { setTimeout as sleep } from 'node:timers/promises';
import type { Telling, TellingEnd, ToldService } from '../../../src/booking/ledger/tellings.js';
import { accept, ACTOR, newOffer, openLedger, ticketsOf, type TestLedger } from '../../support/ledger.js';

const LEASE_MS = 60_000;
const NOBODY = { tries: 0, refusals: 0 };

describe('what other services are told', () => {
  let test: TestLedger;

  beforeAll(async () => {
    test = await openLedger();
  });
  afterAll(() => test.close());

  /** Other databases of the server keep a seal waiting while they have an older transaction. */
  const sealAll = async (): Promise<void> => {
    for (let left = 1; left > 0;) {
      if ((await test.ledger.seal()) === 0) await sleep(5);
      const [row] = await test.sql<{ left: number }>(
        'select count(*)::integer as left from audit_event, audit_chain where xid >= bound',
      );
      left = row?.left ?? 0;
    }
  };
  /** Seals everything, and makes tellings of it. */
  const gather = async (service: ToldService = 'ticket'): Promise<void> => {
    await sealAll();
    while (await test.ledger.gatherTellings(service));
  };
  const due = (service: ToldService = 'ticket', leaseMs = LEASE_MS): Promise<Telling[]> =>
    test.ledger.dueTellings(service, 1000, leaseMs);
  const told = (tellings: readonly Telling[], service: ToldService = 'ticket'): Promise<number> =>
    test.ledger.endTellings(
      service,
      tellings.map(({ bookingId, kind }): TellingEnd => ({ bookingId, kind, outcome: 'told' })),
      ACTOR,
    );
  const said = (tellings: readonly Telling[]): string[] =>
    tellings.map(({ bookingId, kind, fence }) => `${kind} ${bookingId} ${fence}`).sort();
  /** Tells all there is, in what order it may be. */
  const tellAll = async (service: ToldService = 'ticket'): Promise<Telling[]> => {
    const all: Telling[] = [];
    for (let some = await due(service); some.length > 0; some = await due(service)) {
      await told(some, service);
      all.push(...some);
    }
    return all;
  };
  /** Held, in this order. */
  const held = async (bookings: number, capacity = bookings): Promise<string[]> => {
    const { id } = await newOffer(test, { capacity });
    const accepted = await accept(test, id, Array<number>(bookings).fill(1));
    await test.ledger.admit(id, ACTOR);
    return accepted.map(({ bookingId }) => bookingId);
  };
  const confirm = async (bookingId: string): Promise<void> => {
    const { ledger } = test;
    const paying = await ledger.pay(bookingId, 'pm_ok', null, ACTOR);
    await ledger.recordStep(bookingId, 'validate', 0, null, ACTOR);
    await ledger.recordCharge(bookingId, paying?.bookings[0]?.fence ?? 0, { kind: 'captured' }, ACTOR);
    await ledger.recordDocument(bookingId, ticketsOf(bookingId, 1), Buffer.from('%PDF'), ACTOR);
    await ledger.recordStep(bookingId, 'email', 80, null, ACTOR);
    expect(await ledger.confirm(bookingId, ACTOR)).not.toBeNull();
  };

  it('begins with whoever holds units when they are told for the first time', async () => {
    const [first = '', gone = '', , waits = ''] = await held(4, 3);
    await test.ledger.cancel(gone, ACTOR);
    await gather();
    const begun = await tellAll();
    expect(begun.filter(({ bookingId }) => bookingId === first)).toMatchObject([
      { kind: 'reserve', fence: 1 },
    ]);
    expect(begun.filter(({ bookingId }) => [gone, waits].includes(bookingId))).toEqual([]);
  });

  it('follows each transition that matters, a booking in its own order, under the fence of each', async () => {
    const [buyer = '', leaver = '', refunded = ''] = await held(3);
    await confirm(buyer);
    await test.ledger.cancel(leaver, ACTOR);
    await confirm(refunded);
    await test.ledger.refund(refunded, 'RAINED_OFF', false, null, ACTOR);
    await gather();
    const rounds: string[][] = [];
    for (let some = await due(); some.length > 0; some = await due()) {
      rounds.push(said(some));
      await told(some);
    }
    expect(rounds).toEqual([
      [`reserve ${buyer} 1`, `reserve ${leaver} 1`, `reserve ${refunded} 1`].sort(),
      [`confirm ${buyer} 2`, `confirm ${refunded} 2`, `release ${leaver} 1`].sort(),
      [`release ${refunded} 2`],
    ]);
  });

  it('is for the booking service what is confirmed, and nothing else', async () => {
    await gather('booking');
    const [buyer = '', leaver = ''] = await held(2);
    await confirm(buyer);
    await test.ledger.cancel(leaver, ACTOR);
    await gather('booking');
    expect(said(await tellAll('booking'))).toEqual([`confirm ${buyer} 2`]);
    await gather();
    await tellAll();
  });

  it('leaves out nothing that is committed late, while others were told of meanwhile', async () => {
    const { id } = await newOffer(test);
    const [late] = await accept(test, id, [1]);
    const session = await test.session();
    await session.query('begin');
    await test.within(session).admit(id, ACTOR);
    const [prompt = ''] = await held(1);
    await test.ledger.seal();
    while (await test.ledger.gatherTellings('ticket'));
    const before = await tellAll();
    await session.query('commit');
    await gather();
    const all = [...before, ...(await tellAll())];
    expect(said(all)).toEqual([`reserve ${late?.bookingId} 1`, `reserve ${prompt} 1`].sort());
  });

  it('is made once, however many workers gather, and caught up with a little at a time', async () => {
    const holders: string[] = [];
    for (let seals = 0; seals < 5; seals++) {
      holders.push(...(await held(3)));
      await sealAll();
    }
    const other = test.another().ledger;
    let calls = 0;
    for (let more = true; more; calls++) {
      const both = await Promise.all(
        [test.ledger, other].map((ledger) => ledger.gatherTellings('ticket', 1)),
      );
      more = both.some((isMore) => isMore);
    }
    expect(calls).toBeGreaterThan(2);
    await gather();
    const both = await Promise.all([test.ledger, other].map((l) => l.dueTellings('ticket', 8, LEASE_MS)));
    const all = [...both.flat(), ...(await due())];
    expect(said(all)).toEqual(holders.map((id) => `reserve ${id} 1`).sort());
    await told(all);
  });

  it('is handed out again where nobody says what became of it, and its end is remembered', async () => {
    const [holder = ''] = await held(1);
    await gather();
    expect(await due('ticket', 0)).toMatchObject([{ bookingId: holder, tries: 1, sentAgoMs: null }]);
    const [again] = await due('ticket', 0);
    expect(again).toMatchObject({ tries: 2, refusals: 0, sentAgoMs: expect.any(Number) });
    const end = { bookingId: holder, kind: 'reserve', inMs: 0, reason: 'NOT_FOUND' } as const;
    await test.ledger.endTellings(
      'ticket',
      [{ ...end, outcome: 'later', isRefusal: true, unsentTry: null }],
      ACTOR,
    );
    expect(await due('ticket', 0)).toMatchObject([
      { ...NOBODY, bookingId: holder, tries: 3, refusals: 1, sentAgoMs: expect.any(Number) },
    ]);
    await test.ledger.endTellings('ticket', [{ ...end, outcome: 'refused', isRefusal: true }], ACTOR);
    expect(await due('ticket', 0)).toEqual([]);
    expect(await test.ledger.tellingBacklog()).toMatchObject([{ state: 'refused', tellings: 1 }]);
    const [noted] = await test.sql(`select detail from audit_event where action = 'remote.refused'`);
    expect(noted).toEqual({ detail: { service: 'ticket', kind: 'reserve', reason: 'NOT_FOUND' } });
    await test.sql('delete from remote_telling');
  });

  it('counts as sent since it was first handed out, unless whoever got it first called nobody', async () => {
    const [holder = ''] = await held(1);
    await gather();
    const unsent = (unsentTry: number | null): Promise<number> => {
      const end = { bookingId: holder, kind: 'reserve', inMs: 0, reason: 'NOT_CALLED' } as const;
      return test.ledger.endTellings(
        'ticket',
        [{ ...end, outcome: 'later', isRefusal: false, unsentTry }],
        ACTOR,
      );
    };
    expect(await due('ticket', 0)).toMatchObject([{ tries: 1, sentAgoMs: null }]);
    await unsent(1);
    expect(await due('ticket', 0)).toMatchObject([{ tries: 2, sentAgoMs: null }]);
    // somebody else gets it, and may send it, before the one who had it first says that it did not
    expect(await due('ticket', 0)).toMatchObject([{ tries: 3, sentAgoMs: expect.any(Number) }]);
    await unsent(2);
    await test.sql(`update remote_telling set sent_at = sent_at - interval '30 hours'`);
    await unsent(null);
    const [old] = await due('ticket', 0);
    expect(old?.sentAgoMs).toBeGreaterThan(29 * 3600 * 1000);
    await told(old === undefined ? [] : [old]);
  });

  describe('of a booking that was confirmed and is refunded', () => {
    const leaver = { customerId: 'somebody who leaves', email: 'leaver@example.org' };
    /** Confirmed, and gathered for the booking service. */
    const confirmed = async (bookings = 1, by = leaver): Promise<string[]> => {
      const { id } = await newOffer(test, { capacity: bookings, limitPerCustomer: bookings });
      const accepted = await accept(test, id, Array<number>(bookings).fill(1), by);
      await test.ledger.admit(id, ACTOR);
      for (const { bookingId } of accepted) await confirm(bookingId);
      await gather('booking');
      return accepted.map(({ bookingId }) => bookingId);
    };
    const giveBack = async (bookingIds: readonly string[]): Promise<void> => {
      for (const id of bookingIds) await test.ledger.refund(id, 'RAINED_OFF', false, null, ACTOR);
      for (const { id } of await test.ledger.dueRefunds(1000)) await test.ledger.refundSucceeded(id, ACTOR);
    };
    const erase = (): Promise<unknown> => test.ledger.eraseCustomer(leaver.customerId, ACTOR);

    beforeAll(() => gather('booking'));
    afterEach(() => test.sql('delete from remote_telling'));

    it('nothing is told where the booking service never heard of it: it could not release it', async () => {
      const many = await confirmed(5);
      const [other = ''] = await confirmed(1, { customerId: 'other', email: 'other@example.org' });
      await giveBack(many);
      await erase();
      // however few are asked for, those that are dropped take nobody's place
      expect(await test.ledger.dueTellings('booking', 1, LEASE_MS)).toMatchObject([
        { bookingId: other, isErased: false },
      ]);
      expect(await test.sql('select booking_id from remote_telling where service = $1', ['booking'])).toEqual(
        [{ booking_id: other }],
      );
    });

    it('what may have been sent comes again, and says where nobody is named any more', async () => {
      const [gone = ''] = await confirmed();
      await due('booking', 0);
      await giveBack([gone]);
      expect(await due('booking', 0)).toMatchObject([{ bookingId: gone, isErased: false }]);
      await erase();
      const [nameless] = await due('booking', 0);
      expect(nameless).toMatchObject({ isErased: true, sentAgoMs: expect.any(Number) });
      expect(nameless?.customerId).not.toBe(leaver.customerId);
    });
  });
});
