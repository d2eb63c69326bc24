import { Database } from '../../../src/database/database.js';
import { Ledger } from '../../../src/booking/ledger/ledger.js';
import type { AuditFilter } from '../../../src/booking/ledger/audit.js';
import type { AcceptRequest } from '../../../src/booking/ledger/types.js';
import {
  accepted,
  ACTOR,
  MAX_LENGTH,
  newOffer,
  openLedger,
  requestFor,
  ticketsOf,
  type TestLedger,
} from '../../support/ledger.js';

jest.setTimeout(120_000);

const BATCH = 500;
const BATCHES = 16;
/** Rows that any verb may read besides those that it is about: lines, offers, what it has just written. */
const FEW = 200;
const PER_ITEM = 8;
const REFUNDABLE = { cancellation: { refundable: true } };

/**
 * The night before a sale somebody analyses tables that are all but empty, and connections keep the plans that they
 * made then. What a verb reads must depend on what it is about, never on how many rows there are by now.
 */
describe('Plans that were made while the tables were empty', () => {
  let world: TestLedger;
  let database: Database;
  let ledger: Ledger;

  beforeAll(async () => {
    world = await openLedger();
    const tables = await world.sql<{ name: string }>(
      `select table_name::text as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    for (const { name } of tables) await world.sql(`alter table ${name} set (autovacuum_enabled = false)`);
    await world.sql('analyze');
    // one connection, whose plans are made by the first call of each verb
    database = new Database(world.url, 1);
    ledger = new Ledger(database);
    await sellOne();
    await grow();
    for (const bookingId of bought) await fulfil(bookingId);
  });
  afterAll(async () => {
    await database.close();
    await world.close();
  });

  let crowd: string;
  let waiting: string[];
  let bought: string[];

  const requests = (offerId: string, count: number): AcceptRequest[] =>
    Array.from({ length: count }, (_, index) =>
      requestFor(offerId, { idempotencyKey: `key-${index}`, email: 'fan@example.org' }),
    );

  /** Every verb once, on nearly nothing. */
  async function sellOne(): Promise<void> {
    const { id } = await newOffer({ ledger }, { capacity: 3, ...REFUNDABLE });
    const batch = requests(id, 5);
    const bookings = (await ledger.accept(batch, MAX_LENGTH)).outcomes.map(accepted);
    await ledger.accept(batch, MAX_LENGTH);
    await ledger.admit(id, ACTOR);
    for (const { bookingId } of bookings.slice(0, 2)) await fulfil(bookingId);
    await ledger.cancel(bookings[2]?.bookingId ?? '', ACTOR);
    await ledger.refund(bookings[0]?.bookingId ?? '', 'BY_OPERATOR', false, null, ACTOR);
    await ledger.refundByTerms(bookings[1]?.bookingId ?? '', ACTOR);
    await reports(id, bookings[1]?.bookingId ?? '');
    await looks(id, bookings[3]?.bookingId ?? '', batch[3]?.customerId ?? '');
  }

  async function fulfil(bookingId: string): Promise<void> {
    await ledger.pay(bookingId, 'pm_ok', null, ACTOR);
    await ledger.beginFulfilment(bookingId, 60_000);
    await ledger.recordStep(bookingId, 'validate', 0, null);
    await ledger.sendAttempt(bookingId, 2);
    await ledger.recordCharge(bookingId, 2, { kind: 'captured' }, ACTOR);
    await ledger.recordDocument(bookingId, ticketsOf(bookingId, 1), Buffer.from('%PDF'));
    await ledger.recordStep(bookingId, 'email', 80, null);
    await ledger.keepFulfilments([bookingId], 60_000);
    await ledger.confirm(bookingId, ACTOR);
  }

  /** What operators read: a page of each, from somewhere in the middle. */
  async function reports(offerId: string, bookingId: string): Promise<void> {
    const filter: AuditFilter = {
      ...{ offerId: null, bookingId: null, before: null, since: null, until: null, limit: 50 },
    };
    await ledger.exportBookings(null, bookingId, 50);
    await ledger.exportBookings(offerId, bookingId, 50);
    await ledger.auditPage({ ...filter, bookingId });
    await ledger.auditPage({ ...filter, offerId });
    await ledger.auditPage({ ...filter, until: new Date().toISOString() });
  }

  async function looks(offerId: string, bookingId: string, customerId: string): Promise<void> {
    const line = await ledger.readLine(offerId, null);
    const { version = 0, lastSeq = 0 } = line?.state ?? {};
    await ledger.readLine(offerId, { version, lastSeq });
    await ledger.booking(bookingId);
    await ledger.bookings([bookingId]);
    await ledger.bookingsOf(customerId, null, 10);
    await ledger.dueLines();
    await ledger.mailsDone(
      (await ledger.dueMails(20)).map(({ bookingId: id, kind, fence }) => ({
        ...{ bookingId: id, kind, fence },
        state: 'sent' as const,
      })),
    );
    await ledger.stalledFulfilments(100);
    await ledger.unsettledAttempts(0, 100);
    await ledger.dueRefunds(100);
    await ledger.expire(offerId, ACTOR);
    await ledger.checkSellOut(offerId, ACTOR);
  }

  async function grow(): Promise<void> {
    ({ id: crowd } = await newOffer({ ledger }, { capacity: 2000, ...REFUNDABLE }));
    const all: string[] = [];
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const { outcomes } = await ledger.accept(requests(crowd, BATCH), MAX_LENGTH);
      all.push(...outcomes.map((outcome) => accepted(outcome).bookingId));
    }
    await ledger.admit(crowd, ACTOR);
    bought = all.slice(0, 2);
    waiting = all.slice(BATCH);
  }

  /** Rows and index entries that this work made the server read. */
  async function readBy(work: () => Promise<unknown>): Promise<number> {
    const before = await total();
    await work();
    return (await total()) - before;
  }

  async function total(): Promise<number> {
    await database.call({ name: 'flush', text: 'select pg_stat_force_next_flush()' }, []);
    await database.call({ name: 'nothing', text: 'select 1' }, []);
    const [row] = await world.sql<{ read: string }>(
      `select (select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables)
         + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes) as read`,
    );
    return Number(row?.read);
  }

  it.each<readonly [string, number, () => Promise<unknown>]>([
    ['accept', BATCH, () => ledger.accept(requests(crowd, BATCH), MAX_LENGTH)],
    [
      'accept what was accepted before',
      100,
      async () => {
        const batch = requests(crowd, 50);
        await ledger.accept(batch, MAX_LENGTH);
        await ledger.accept(batch, MAX_LENGTH);
      },
    ],
    ['admit', BATCH, () => ledger.admit(crowd, ACTOR)],
    ['carry one booking from payment to ticket', 1, () => fulfil(waiting[0] ?? '')],
    ['let one go', 1, () => ledger.cancel(waiting[1000] ?? '', ACTOR)],
    [
      'give two back that were paid for',
      2,
      async () => {
        await ledger.refund(bought[0] ?? '', 'BY_OPERATOR', false, null, ACTOR);
        await ledger.refundByTerms(bought[1] ?? '', ACTOR);
      },
    ],
    ['export a page and read pages of the audit log', 200, () => reports(crowd, waiting[3000] ?? '')],
    ['see who waits, what is due and one booking', 200, () => looksAgain()],
  ])('let a verb read what it is about alone: %s', async (_, items, work) => {
    expect(await readBy(work)).toBeLessThan(FEW + PER_ITEM * items);
  });

  /** What is asked all the time; the whole view alone reads the whole line. */
  async function looksAgain(): Promise<void> {
    const state = (await world.ledger.readLine(crowd, null))?.state;
    const known = { version: state?.version ?? 0, lastSeq: state?.lastSeq ?? 0 };
    await ledger.readLine(crowd, known);
    await ledger.booking(waiting[2000] ?? '');
    await ledger.dueLines();
    await ledger.dueMails(20);
    await ledger.stalledFulfilments(100);
    await ledger.unsettledAttempts(0, 100);
    await ledger.dueRefunds(100);
    await ledger.expire(crowd, ACTOR);
  }
});
