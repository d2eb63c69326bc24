import { randomUUID } from 'node:crypto';
import type { Ledger } from '../../../src/booking/ledger/ledger.js';
import type { AcceptRequest } from '../../../src/booking/ledger/types.js';
import { accepted, ACTOR, MAX_LENGTH, refusalOf, type TestLedger } from '../../support/ledger.js';
import { newRooms, night, stayFor } from '../../support/stays.js';
import { EarlyPlans } from './early-plans.js';

jest.setTimeout(120_000);

const BATCH = 500;
const BATCHES = 16;
/** On sale in the grown hotel: those that everybody wants, and as many that nobody has asked for. */
const NIGHTS = 40;
const LONGEST = 3;
const ROOMS = 30;
const REFUNDABLE = { cancellation: { refundable: true } };

/** As for tickets: what a verb of stays reads must not depend on how many wait by now. */
describe('Plans of stays that were made while the tables were empty', () => {
  let plans: EarlyPlans;
  let world: TestLedger;
  let ledger: Ledger;
  let hotel: string;
  let waiting: string[];
  let held: string[];

  beforeAll(async () => {
    plans = await EarlyPlans.open();
    ({ world, ledger } = plans);
    await sellOne();
    await grow();
  });
  afterAll(() => plans.close());

  /** The same mix of stays whenever it is asked for, within nights that many want. */
  const requests = (offerId: string, count: number, from = 1, nights = NIGHTS / 2): AcceptRequest[] =>
    Array.from({ length: count }, (_, index) => {
      const first = from + ((index * 7) % (nights - LONGEST + 1));
      return stayFor(offerId, [first, first + (index % LONGEST)], {
        idempotencyKey: `key-${index}`,
        email: 'guest@example.org',
      });
    });

  async function join(batch: readonly AcceptRequest[]): Promise<string[]> {
    return (await ledger.acceptStays(batch, MAX_LENGTH)).outcomes.map((one) => accepted(one).bookingId);
  }

  /** Every verb once, on nearly nothing. */
  async function sellOne(): Promise<void> {
    const { id } = await newRooms({ ledger }, 4, 1, REFUNDABLE);
    const batch = requests(id, 6, 1, 3);
    const [first = '', second = '', third = ''] = await join(batch);
    await join(batch);
    await ledger.admit(id, ACTOR);
    await release(first);
    await ledger.cancel(second, ACTOR);
    await ledger.admit(id, ACTOR);
    const [paid = '', other = ''] = await join(
      requests(id, 2, 4, LONGEST).map((one) => ({ ...one, ...last() })),
    );
    await ledger.admit(id, ACTOR);
    await plans.fulfil(paid);
    await ledger.writeSellOut(id, ACTOR);
    await ledger.refund(paid, 'BY_OPERATOR', false, null, ACTOR);
    await ledger.cancel(third, ACTOR);
    await change(id, 4, 2);
    await theirs(id, 1, 4);
    await looks(id, other);
  }
  const last = () => ({ stay: { firstNight: night(4), lastNight: night(4) }, idempotencyKey: null });

  const change = (offerId: string, number: number, capacity: number) =>
    ledger.changeOffer(offerId, { nights: [{ from: night(number), to: night(number), capacity }] }, ACTOR);

  /** Nights that another system would sell. */
  const theirs = (offerId: string, first: number, last: number) =>
    refusalOf(
      ledger.tellReservation(
        'gateway',
        {
          ...{ bookingId: randomUUID(), offerId, quantity: 1, fence: 1, state: 'reserved' },
          ...{ firstNight: night(first), lastNight: night(last) },
        },
        ACTOR,
      ),
    );

  /** Its time to pay is over. */
  async function release(bookingId: string): Promise<void> {
    const [row] = await world.sql<{ offer: string }>(
      `update booking set deadline = now() - interval '1 s' where id = $1 returning offer_id as offer`,
      [bookingId],
    );
    await ledger.expire(row?.offer ?? '', ACTOR);
  }

  async function looks(offerId: string, bookingId: string): Promise<void> {
    const { version = 0, lastSeq = 0 } = (await world.ledger.readLine(offerId, null))?.state ?? {};
    await ledger.readLine(offerId, { version, lastSeq });
    await ledger.booking(bookingId);
    await ledger.offer(offerId);
    await ledger.offerNights(offerId, night(1), night(3));
    await ledger.lines();
    await ledger.dueLines();
    await ledger.dueMails(20);
    await ledger.checkSellOut(offerId, ACTOR);
    await ledger.writeSellOut(offerId, ACTOR);
  }

  async function grow(): Promise<void> {
    ({ id: hotel } = await newRooms({ ledger }, NIGHTS, ROOMS, { maxNights: LONGEST, ...REFUNDABLE }));
    const all: string[] = [];
    for (let batch = 0; batch < BATCHES; batch += 1) all.push(...(await join(requests(hotel, BATCH))));
    const granted = (await ledger.admit(hotel, ACTOR))?.bookings.map(({ id }) => id) ?? [];
    held = all.filter((id) => granted.includes(id));
    waiting = all.filter((id) => !granted.includes(id));
  }

  it.each<readonly [string, number, () => Promise<unknown>]>([
    ['accept', BATCH, () => join(requests(hotel, BATCH))],
    [
      'accept what was accepted before',
      100,
      async () => {
        const batch = requests(hotel, 50);
        await join(batch);
        await join(batch);
      },
    ],
    ['admit where nothing has changed', 1, () => ledger.admit(hotel, ACTOR)],
    [
      'admit those who fit, behind all who do not',
      50,
      async () => {
        const fitting = await join(requests(hotel, 50, NIGHTS / 2 + 1, 15));
        const granted = await ledger.admit(hotel, ACTOR);
        expect(granted?.bookings.map(({ id }) => id)).toEqual(fitting);
      },
    ],
    [
      'admit whoever wants a night that came back',
      NIGHTS,
      async () => {
        await release(held.pop() ?? '');
        await ledger.cancel(held.pop() ?? '', ACTOR);
        expect((await ledger.admit(hotel, ACTOR))?.bookings.length).toBeGreaterThan(0);
      },
    ],
    ['carry one stay from payment to voucher', 1, () => plans.fulfil(held.pop() ?? '')],
    ['let one go', 1, () => ledger.cancel(waiting[1000] ?? '', ACTOR)],
    ['let the foremost go', 1, () => ledger.cancel(waiting.shift() ?? '', ACTOR)],
    [
      'give one back that was paid for',
      2,
      async () => {
        const id = held.pop() ?? '';
        await plans.fulfil(id);
        await ledger.refund(id, 'BY_OPERATOR', false, null, ACTOR);
      },
    ],
    [
      'sell out those who want a night of which too little is left',
      20 + 2 * NIGHTS,
      async () => {
        await change(hotel, NIGHTS, 1);
        const [first = '', ...others] = await join(
          requests(hotel, 20).map((one) => ({
            ...one,
            ...stayFor(hotel, [NIGHTS, NIGHTS]),
            idempotencyKey: null,
          })),
        );
        await ledger.admit(hotel, ACTOR);
        await plans.fulfil(first);
        expect((await ledger.writeSellOut(hotel, ACTOR)).written).toBe(others.length);
      },
    ],
    [
      'sell out those who would have begun',
      20,
      async () => {
        await world.sql(`update booking set check_in = now() - interval '1 s' where id = any ($1)`, [
          waiting.slice(2000, 2020),
        ]);
        expect((await ledger.dueLines()).writeSellOut).toEqual([hotel]);
        expect((await ledger.writeSellOut(hotel, ACTOR)).written).toBe(20);
      },
    ],
    ['put more rooms on sale', NIGHTS, () => change(hotel, NIGHTS - 1, ROOMS + 1)],
    [
      'hear of nights that another system sells while somebody may fit',
      NIGHTS,
      async () => {
        await join([{ ...stayFor(hotel, [NIGHTS - 2, NIGHTS - 1]), idempotencyKey: null }]);
        expect(await theirs(hotel, NIGHTS - 1, NIGHTS - 1)).toBe('OTHERS_FIRST');
        expect(await theirs(hotel, NIGHTS / 2 + 16, NIGHTS / 2 + 16)).toBe('DONE');
      },
    ],
    [
      'see who waits, what is due and one stay',
      200,
      async () => {
        const seen = (await ledger.lines()).find(({ offerId }) => offerId === hotel);
        await join(requests(hotel, 3).map((one) => ({ ...one, idempotencyKey: null })));
        const read = await ledger.readLine(hotel, {
          version: seen?.version ?? 0,
          lastSeq: seen?.lastSeq ?? 0,
        });
        expect(read?.stays).toHaveLength(3);
        await ledger.booking(waiting[3000] ?? '');
        await ledger.offerNights(hotel, night(1), night(NIGHTS));
        await ledger.dueLines();
        await ledger.checkSellOut(hotel, ACTOR);
      },
    ],
  ])('let a verb read what it is about alone: %s', async (_, items, work) => {
    expect(await plans.readTooMuch(items, work)).toEqual([]);
  });
});
