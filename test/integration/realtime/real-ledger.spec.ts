import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { Actor } from '../../../src/booking/booking.js';
import { Ledger, ROUTINES } from '../../../src/booking/ledger/ledger.js';
import type { Acceptance } from '../../../src/booking/ledger/types.js';
import { Database } from '../../../src/database/database.js';
import { migrate } from '../../../src/database/migrate.js';
import { lineFrom } from '../../../src/realtime/line-from.js';
import { LineViews } from '../../../src/realtime/line-views.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

jest.setTimeout(60_000);

const actor: Actor = { kind: 'customer', id: 'customer', correlationId: 'correlation' };

describe('line views of the real ledger', () => {
  let database: TestDatabase;
  let db: Database;
  let ledger: Ledger;
  let views: LineViews;

  beforeAll(async () => {
    database = await createTestDatabase();
    await migrate(database.url, ROUTINES);
    db = new Database(database.url, 4);
    ledger = new Ledger(db);
    views = new LineViews(ledger);
  });
  afterAll(async () => {
    views.close();
    await db.close();
    await database.drop();
  });

  const open = async (capacity: number): Promise<string> => {
    const id = randomUUID();
    const offer = {
      id,
      eventId: id,
      ticketType: 'seat',
      title: 'Concert',
      venue: 'Hall',
      timeZone: 'Europe/Berlin',
    };
    const sale = { price: { amountMinor: 5000, currency: 'EUR' }, capacity, opensAt: null, closesAt: null };
    const rules = {
      startsAt: '2999-01-01T20:00:00.000Z',
      holdSeconds: 60,
      limitPerCustomer: 10,
      maxQuantity: 4,
    };
    await ledger.createOffer({ ...offer, ...sale, ...rules }, null, { ...actor, kind: 'operator' });
    return id;
  };

  const accept = async (offerId: string, quantities: readonly number[]): Promise<Acceptance[]> => {
    const batch = quantities.map((quantity) => ({
      bookingId: randomUUID(),
      offerId,
      customerId: randomUUID(),
      quantity,
      email: null,
      paymentMethod: null,
      idempotencyKey: null,
      bodyHash: '00',
      actor,
    }));
    const { outcomes } = await ledger.accept(batch, 100_000);
    return outcomes.flatMap((outcome) => (outcome.accepted ? [outcome] : []));
  };

  it('answer position and wait exactly as the acceptance did', async () => {
    const offerId = await open(3);
    for (const { seq, position, estimatedWaitSeconds, version } of await accept(
      offerId,
      Array.from({ length: 12 }, () => 1),
    )) {
      expect(await views.position(offerId, seq, version, null)).toEqual({
        waiting: true,
        position,
        estimatedWaitSeconds,
        version,
      });
    }
  });

  it('know at once of what a caller has just committed', async () => {
    const offerId = await open(2);
    const accepted = await accept(offerId, [1, 1, 1, 1, 1]);
    await views.position(offerId, 1, 0, null);
    const granted = await ledger.admit(offerId, actor);
    const last = accepted.at(-1);
    expect(await views.position(offerId, last?.seq ?? 0, granted?.line.version ?? 0, null)).toMatchObject({
      waiting: true,
      position: 3,
    });
    expect(await views.position(offerId, 1, 0, null)).toMatchObject({ waiting: false });
  });

  it('tell of a sell-out, and that nobody covered by it waits', async () => {
    const offerId = await open(1);
    const [first, second, third] = await accept(offerId, [1, 1, 1]);
    await views.position(offerId, second?.seq ?? 0, 0, null);
    await ledger.admit(offerId, actor);
    // fewer units than anybody needs are left once all are final
    await ledger.changeOffer(offerId, { capacity: 1 }, { ...actor, kind: 'operator' });
    const held = first?.bookingId ?? '';
    await ledger.pay(held, 'pm_ok', null, actor);
    const sent = await ledger.sendAttempt(held, (await ledger.booking(held))?.booking.fence ?? 0);
    await ledger.recordCharge(held, sent?.fence ?? 0, { kind: 'captured' }, actor);
    const checked = await ledger.checkSellOut(offerId, actor);
    const event = await views.event(offerId, checked?.line.version ?? 0, null);
    expect(event).toMatchObject({ waiting: 0, soldOut: { throughSeq: third?.seq, minQuantity: 1 } });
    expect(await views.position(offerId, third?.seq ?? 0, 0, null)).toMatchObject({ waiting: false });
  });

  it('follow any history by differences to the very view that a whole read gives', async () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('accept'),
          of: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('cancel'),
          of: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('admit'), of: fc.constant([]) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('look'), of: fc.constant([]) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { maxLength: 15 }),
        async (capacity, steps) => {
          const offerId = await open(capacity);
          const all: Acceptance[] = [];
          for (const { kind, of } of steps) {
            if (kind === 'accept') all.push(...(await accept(offerId, of)));
            else if (kind === 'admit') await ledger.admit(offerId, actor);
            else if (kind === 'look') await views.event(offerId, 0, null);
            else
              for (const pick of of)
                await ledger
                  .cancel(all[pick % Math.max(1, all.length)]?.bookingId ?? randomUUID(), actor)
                  .catch(() => null);
          }
          const whole = await ledger.readLine(offerId, null);
          if (whole === null) throw new Error('the offer has gone');
          expect(lineFrom(whole).agrees).toBe(true);
          const truth = lineFrom(whole).view(null, 0);
          await views.event(offerId, truth.version, null);
          for (const { seq } of all) {
            const place = await views.position(offerId, seq, truth.version, null);
            expect(place.waiting ? place.position : null).toBe(truth.position(seq));
          }
          expect(views.peek(offerId, null)?.view.waiting).toBe(truth.waiting);
        },
      ),
      { numRuns: 40 },
    );
  });
});
