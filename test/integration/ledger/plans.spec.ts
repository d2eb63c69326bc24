import type { Ledger } from '../../../src/booking/ledger/ledger.js';
import type { AuditFilter } from '../../../src/booking/ledger/audit-pages.js';
import type { AcceptRequest } from '../../../src/booking/ledger/types.js';
import {
  accepted,
  ACTOR,
  MAX_LENGTH,
  newOffer,
  refusalOf,
  requestFor,
  type TestLedger,
} from '../../support/ledger.js';
import { EarlyPlans } from './early-plans.js';

jest.setTimeout(120_000);

const BATCH = 500;
const BATCHES = 16;
const REFUNDABLE = { cancellation: { refundable: true } };

/**
 * The night before a sale somebody analyses tables that are all but empty, and connections keep the plans that they
 * made then. What a verb reads must depend on what it is about, never on how many rows there are by now.
 */
describe('Plans that were made while the tables were empty', () => {
  let plans: EarlyPlans;
  let world: TestLedger;
  let ledger: Ledger;
  const fulfil = (bookingId: string): Promise<void> => plans.fulfil(bookingId);

  beforeAll(async () => {
    plans = await EarlyPlans.open();
    ({ world, ledger } = plans);
    await sellOne();
    await grow();
    for (const bookingId of bought) await fulfil(bookingId);
    await refundMany();
    await theirsMany();
  });
  afterAll(() => plans.close());

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
    await refunds(bookings[0]?.bookingId ?? '');
    await othersFirst(id);
    await theirs(id, 'the first');
  }

  /** Units that another system sells, from where it reserves them to where it gives them back. */
  async function theirs(offerId: string, bookingId: string): Promise<void> {
    const told = { bookingId, offerId, quantity: 1 };
    // As if nobody fitted who waits.
    await world.sql('update booking_line set admitted = wanted where offer_id = $1', [offerId]);
    await ledger.reservedOffer('gateway', bookingId);
    await ledger.tellReservation('gateway', { ...told, fence: 1, state: 'reserved' }, ACTOR);
    await ledger.tellReservation('gateway', { ...told, fence: 1, state: 'confirmed' }, ACTOR);
    await ledger.tellReservation('gateway', { ...told, fence: 2, state: 'released' }, ACTOR);
  }

  /** Somebody who waits fits. */
  async function othersFirst(offerId: string): Promise<void> {
    const told = { bookingId: 'too early', offerId, quantity: 1, fence: 1, state: 'reserved' as const };
    expect(await refusalOf(ledger.tellReservation('gateway', told, ACTOR))).toBe('OTHERS_FIRST');
  }

  async function theirsMany(): Promise<void> {
    await world.sql(
      `insert into reservation (service, booking_id, fence, state, offer_id, quantity, changed_at)
       select 'gateway', i, 1, 'released', $1, 1, now() from generate_series(1, 4000) i`,
      [crowd],
    );
  }

  /** A refund from its opening to where it was looked at, sent back, and given again. */
  async function refunds(bookingId: string): Promise<void> {
    const [row] = await world.sql<{ id: string; key: string }>(
      'select id, refund_key as key from refund where booking_id = $1',
      [bookingId],
    );
    const { id, key } = row ?? { id: '', key: '' };
    await ledger.refundSucceeded(id, ACTOR);
    await ledger.refundOf(key);
    await world.sql('update refund set look_at = now() where id = $1', [id]);
    expect(await ledger.refundsToLookAt(100)).toHaveLength(1);
    expect(await ledger.reopenRefund(key, ACTOR)).toBe(true);
    expect((await ledger.dueRefunds(100)).map((refund) => refund.id)).toContain(id);
    await ledger.refundSucceeded(id, ACTOR);
  }

  /** A month of refunds that were given, and none of them is due. */
  async function refundMany(): Promise<void> {
    await world.sql(
      `insert into refund (id, booking_id, provider_key, refund_key, amount_minor, currency, reason, state, next_at,
         created_at, finished_at, look_at)
       select gen_random_uuid(), id, id::text, 'refund of ' || id, 1, 'EUR', 'BY_OPERATOR', 'succeeded', now(), now(),
         now(), now() + interval '1 hour'
       from booking where offer_id = $1 and state = 'waiting' limit 4000`,
      [crowd],
    );
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
    ['look at a refund again, and give it again', 1, () => refunds(bought[0] ?? '')],
    ['refuse another system what somebody who waits fits into', 1, () => othersFirst(crowd)],
    ['hear of units that another system sells', 3, () => theirs(crowd, 'one more')],
    ['export a page and read pages of the audit log', 200, () => reports(crowd, waiting[3000] ?? '')],
    ['see who waits, what is due and one booking', 200, () => looksAgain()],
  ])('let a verb read what it is about alone: %s', async (_, items, work) => {
    expect(await plans.readTooMuch(items, work)).toEqual([]);
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
