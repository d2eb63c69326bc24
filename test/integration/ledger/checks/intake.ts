import { randomUUID } from 'node:crypto';
import type { AcceptOutcome, AcceptRequest } from '../../../../src/booking/ledger/types.js';
import {
  accept,
  accepted,
  ACTOR,
  codeOf,
  MAX_LENGTH,
  newOffer,
  payFor,
  refusalOf,
  requestFor,
  type TestLedger,
} from '../../../support/ledger.js';
import { doorOf } from '../../../support/door.js';
import type { Checks } from './check.js';

const codes = async (
  { ledger }: TestLedger,
  batch: readonly AcceptRequest[],
  maxLength = MAX_LENGTH,
): Promise<string[]> => (await ledger.accept(batch, maxLength)).outcomes.map(codeOf);

const bookingsOf = async ({ sql }: TestLedger, customerId: string): Promise<number> =>
  (await sql('select from booking where customer_id = $1', [customerId])).length;

/** `many` requests of one customer, each for one unit. */
const sameCustomer = (offerId: string, many: number): AcceptRequest[] => {
  const customerId = randomUUID();
  return Array.from({ length: many }, () => requestFor(offerId, { customerId }));
};

const keyed = (offerId: string, named: Partial<AcceptRequest> = {}): AcceptRequest =>
  requestFor(offerId, { idempotencyKey: 'key', bodyHash: 'aa', ...named });

export const limits: Checks = {
  'a customer never has more than the limit, in one batch or many, from one process or several': async (
    world,
  ) => {
    const { id } = await newOffer(world, { capacity: 50, limitPerCustomer: 3 });
    const doors = [doorOf(world.ledger), doorOf(world.another().ledger), doorOf(world.another().ledger)];
    const requests = sameCustomer(id, 30);
    const answers = await Promise.all(
      requests.map((request, index) =>
        refusalOf((doors[index % 3] ?? doorOf(world.ledger)).accept(request, () => false)),
      ),
    );
    expect(answers.filter((answer) => answer === 'DONE')).toHaveLength(3);
    expect(answers.filter((answer) => answer === 'LIMIT_PER_CUSTOMER')).toHaveLength(27);
  },

  'a flood of one customer is refused past a few, and whoever comes after it enters with the very next batch':
    async (world) => {
      const { id } = await newOffer(world, { capacity: 50, limitPerCustomer: 10 });
      const door = doorOf(world.ledger);
      const enter = (request: AcceptRequest) => door.accept(request, () => false);
      const flood = sameCustomer(id, 5000).map((request) => refusalOf(enter(request)));
      const first = Promise.all(Array.from({ length: 20 }, () => enter(requestFor(id))));
      // What is asked for while the first batch is under way is in the second.
      await new Promise((resolve) => setImmediate(resolve));
      const second = Promise.all(Array.from({ length: 20 }, () => enter(requestFor(id))));
      const versions = [await first, await second].map((all) => new Set(all.map(({ version }) => version)));
      expect(versions.map(({ size }) => size)).toEqual([1, 1]);
      const [one = 0, two = 0] = versions.map((all) => [...all][0]);
      expect(two - one).toBe(1);
      const answers = await Promise.all(flood);
      const counted = (code: string): number => answers.filter((answer) => answer === code).length;
      expect(['DONE', 'LIMIT_PER_CUSTOMER', 'OVERLOADED'].map(counted)).toEqual([10, 22, 4968]);
    },

  'the limit counts what another process has not committed yet: it is waited for': async (world) => {
    const { id } = await newOffer(world, { limitPerCustomer: 1 });
    const [first, second] = sameCustomer(id, 2) as [AcceptRequest, AcceptRequest];
    const elsewhere = await world.session();
    await elsewhere.query('begin');
    accepted((await world.within(elsewhere).accept([first], MAX_LENGTH)).outcomes[0]);
    const here = codes(world, [second]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await elsewhere.query('commit');
    expect(await here).toEqual(['LIMIT_PER_CUSTOMER']);
  },

  'the limit counts what is held and bought, and not what was left, expired or sold out': async (world) => {
    const { id } = await newOffer(world, { capacity: 2, limitPerCustomer: 2 });
    const [first, second, third] = sameCustomer(id, 5) as [AcceptRequest, AcceptRequest, AcceptRequest];
    expect(await codes(world, [{ ...first, quantity: 2 }])).toEqual(['ACCEPTED']);
    expect(await codes(world, [second])).toEqual(['LIMIT_PER_CUSTOMER']);
    await world.ledger.cancel(first.bookingId, ACTOR);
    expect(await codes(world, [second])).toEqual(['ACCEPTED']);
    expect(await codes(world, [{ ...third, quantity: 2 }])).toEqual(['LIMIT_PER_CUSTOMER']);
    expect(await codes(world, [third])).toEqual(['ACCEPTED']);
  },

  'bookings that a sell-out covers no longer count, also before their rows say so': async (world) => {
    const { id } = await newOffer(world, { capacity: 2, limitPerCustomer: 2 });
    const [buyer] = await accept(world, id, [2]);
    const [first, second] = sameCustomer(id, 2) as [AcceptRequest, AcceptRequest];
    expect(await codes(world, [{ ...first, quantity: 2 }])).toEqual(['ACCEPTED']);
    await world.ledger.admit(id, ACTOR);
    await payFor(world, buyer?.bookingId ?? '');
    await world.ledger.changeOffer(id, { capacity: 5 }, ACTOR);
    expect(await codes(world, [{ ...second, quantity: 2 }])).toEqual(['ACCEPTED']);
  },

  'a line is full at its very bound, and a refusal takes no place': async (world) => {
    const { id } = await newOffer(world, { capacity: 50, maxQuantity: 2 });
    const batch = Array.from({ length: 7 }, (_, n) => requestFor(id, { quantity: n === 1 ? 3 : 1 }));
    expect(await codes(world, batch, 4)).toEqual([
      ...['ACCEPTED', 'LIMIT_PER_CUSTOMER', 'ACCEPTED', 'ACCEPTED', 'ACCEPTED', 'LINE_FULL', 'LINE_FULL'],
    ]);
    await world.ledger.admit(id, ACTOR, 1);
    expect(await codes(world, [requestFor(id), requestFor(id)], 4)).toEqual(['ACCEPTED', 'LINE_FULL']);
    const rows = await world.sql('select seq from booking where offer_id = $1 order by seq', [id]);
    expect(rows.map((row) => row['seq'])).toEqual(['1', '2', '3', '4', '5']);
  },

  'a key that another process has claimed and not committed yet is waited for': async (world) => {
    const { id } = await newOffer(world);
    const request = keyed(id, { customerId: randomUUID() });
    const elsewhere = await world.session();
    await elsewhere.query('begin');
    const first = accepted((await world.within(elsewhere).accept([request], MAX_LENGTH)).outcomes[0]);
    const here = world.ledger.accept([{ ...request, bookingId: randomUUID() }], MAX_LENGTH);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await elsewhere.query('commit');
    expect((await here).outcomes).toEqual([{ ...first, fresh: false }]);
  },

  'whatever is not on sale is refused with its code': async (world) => {
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const past = new Date(Date.now() - 3_600_000).toISOString();
    const notOpen = await newOffer(world, { opensAt: soon });
    const closed = await newOffer(world, { closesAt: past });
    const paused = await newOffer(world);
    await world.ledger.changeOffer(paused.id, { paused: true }, ACTOR);
    const gone = await newOffer(world, { capacity: 0 });
    const batch = [notOpen.id, closed.id, paused.id, gone.id, randomUUID()].map((id) => requestFor(id));
    const { outcomes } = await world.ledger.accept(batch, MAX_LENGTH);
    expect(outcomes.map(codeOf)).toEqual([
      ...['OFFER_NOT_OPEN', 'OFFER_CLOSED', 'OFFER_PAUSED', 'SOLD_OUT', 'OFFER_NOT_FOUND'],
    ]);
    expect(outcomes[0]).toMatchObject({
      details: { opensAt: soon, serverTime: expect.stringMatching(/Z$/) },
    });
  },

  'numbers follow the order of the requests, without gaps, line by line': async (world) => {
    const [one, two] = [await newOffer(world), await newOffer(world)];
    const order = [one.id, two.id, one.id, one.id, two.id];
    const { outcomes } = await world.ledger.accept(
      order.map((id) => requestFor(id)),
      MAX_LENGTH,
    );
    expect(outcomes.map((outcome) => accepted(outcome).seq)).toEqual([1, 1, 2, 3, 2]);
    expect(outcomes.map((outcome) => accepted(outcome).position)).toEqual([1, 1, 2, 3, 2]);
  },
};

export const keys: Checks = {
  '100 identical requests at once make one booking and 100 equal answers': async (world) => {
    const { id } = await newOffer(world);
    const customerId = randomUUID();
    const doors = [doorOf(world.ledger), doorOf(world.another().ledger)];
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        (doors[index % 2] ?? doorOf(world.ledger)).accept(keyed(id, { customerId }), () => false),
      ),
    );
    const facts = answers.map(({ bookingId, seq, position, version, estimatedWaitSeconds }) =>
      [bookingId, seq, position, version, estimatedWaitSeconds].join(),
    );
    expect(new Set(facts).size).toBe(1);
    expect(await bookingsOf(world, customerId)).toBe(1);
  },

  'a key with another body is refused, alone or at once': async (world) => {
    const { id } = await newOffer(world);
    const customerId = randomUUID();
    const door = doorOf(world.ledger);
    const answers = await Promise.all([
      refusalOf(door.accept(keyed(id, { customerId }), () => false)),
      refusalOf(door.accept(keyed(id, { customerId, bodyHash: 'bb' }), () => false)),
    ]);
    expect(answers).toEqual(['DONE', 'IDEMPOTENCY_KEY_REUSED']);
    expect(await refusalOf(door.accept(keyed(id, { customerId, bodyHash: 'cc' }), () => false))).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    );
    expect(await bookingsOf(world, customerId)).toBe(1);
  },

  'the same key of another customer is another key': async (world) => {
    const { id } = await newOffer(world);
    const { outcomes } = await world.ledger.accept([keyed(id), keyed(id)], MAX_LENGTH);
    expect(outcomes.map((outcome) => accepted(outcome).seq)).toEqual([1, 2]);
  },

  'a refusal is not stored: the same key may succeed later': async (world) => {
    const { id } = await newOffer(world);
    await world.ledger.changeOffer(id, { paused: true }, ACTOR);
    const request = keyed(id);
    expect(await codes(world, [request])).toEqual(['OFFER_PAUSED']);
    await world.ledger.changeOffer(id, { paused: false }, ACTOR);
    expect(await codes(world, [request])).toEqual(['ACCEPTED']);
  },

  'a stored acceptance is answered as it was, whatever became of it and of the sale': async (world) => {
    const { id } = await newOffer(world);
    const request = keyed(id);
    const first = accepted((await world.ledger.accept([request], MAX_LENGTH)).outcomes[0]);
    const again = async (): Promise<AcceptOutcome | undefined> =>
      (await world.ledger.accept([{ ...request, bookingId: randomUUID() }], MAX_LENGTH)).outcomes[0];
    await world.ledger.cancel(first.bookingId, ACTOR);
    expect(await again()).toEqual({ ...first, fresh: false });
    await world.ledger.changeOffer(id, { paused: true }, ACTOR);
    expect(await again()).toEqual({ ...first, fresh: false });
  },

  'one key on two offers in two processes is claimed by one: the other waits and is refused': async (
    world,
  ) => {
    const [one, two] = [await newOffer(world), await newOffer(world)];
    const customerId = randomUUID();
    const elsewhere = await world.session();
    await elsewhere.query('begin');
    accepted((await world.within(elsewhere).accept([keyed(one.id, { customerId })], MAX_LENGTH)).outcomes[0]);
    const here = codes(world, [keyed(two.id, { customerId, bodyHash: 'bb' })]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await elsewhere.query('commit');
    expect(await here).toEqual(['IDEMPOTENCY_KEY_REUSED']);
  },

  'one key on two offers from two processes at once makes one booking': async (world) => {
    const other = world.another().ledger;
    for (let round = 0; round < 5; round++) {
      const [one, two] = [await newOffer(world), await newOffer(world)];
      const customerId = randomUUID();
      const outcomes: AcceptOutcome[] = [];
      await Promise.all([
        world.ledger
          .accept([keyed(one.id, { customerId })], MAX_LENGTH)
          .then((r) => outcomes.push(...r.outcomes)),
        other
          .accept([keyed(two.id, { customerId, bodyHash: 'bb' })], MAX_LENGTH)
          .then((r) => outcomes.push(...r.outcomes)),
      ]);
      expect(outcomes.map(codeOf).sort()).toEqual(['ACCEPTED', 'IDEMPOTENCY_KEY_REUSED']);
      expect(await bookingsOf(world, customerId)).toBe(1);
    }
  },

  'a payment sent twice with its key is one payment with one answer, and another body is refused': async (
    world,
  ) => {
    const { id } = await newOffer(world);
    const [booking] = await accept(world, id, [1]);
    await world.ledger.admit(id, ACTOR);
    const bookingId = booking?.bookingId ?? '';
    const key = { customerId: 'somebody', route: 'POST /payment', key: randomUUID(), bodyHash: 'aa' };
    const answers = await Promise.all(
      [world.ledger, world.another().ledger].map((ledger) => ledger.pay(bookingId, 'pm_ok', key, ACTOR)),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect(await refusalOf(world.ledger.pay(bookingId, 'pm_ok', { ...key, bodyHash: 'bb' }, ACTOR))).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    );
    expect(await world.sql('select fence from payment_attempt where booking_id = $1', [bookingId])).toEqual([
      { fence: 2 },
    ]);
  },
};
