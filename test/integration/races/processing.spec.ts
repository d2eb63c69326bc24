import { accept, ACTOR, openLedger, refusalOf, type TestLedger } from '../../support/ledger.js';
import { Arena } from './arena.js';
import type { BankName } from './bank.js';
import { bookingOf, carriesOn, gate, leaves, pairOf, pays, type Pair } from './scenes.js';

jest.setTimeout(60_000);

describe.each<BankName>(['sandbox', 'stripe'])('The time to pay (%s)', (name) => {
  let world: TestLedger;
  let arena: Arena;
  beforeAll(async () => {
    world = await openLedger();
    arena = await Arena.open(world, name);
  });
  afterEach(async () => {
    await arena.settle();
    expect(await arena.wrongs()).toEqual({});
  });
  afterAll(async () => {
    await arena.close();
    await world.close();
  });

  async function heldPair(): Promise<Pair> {
    const pair = await pairOf(arena, { capacity: 1, method: null });
    await arena.one.admission.admit(pair.offerId);
    return pair;
  }

  const deadlineOf = async (id: string): Promise<unknown> =>
    (await world.sql('select deadline from booking where id = $1', [id]))[0]?.['deadline'];
  const timeUp = (id: string): Promise<unknown> =>
    world.sql(`update booking set deadline = now() - interval '1 h' where id = $1`, [id]);

  /** Pays, and lets the worker come to where it has the provider's answer, or waits for it, and no further. */
  async function processing(id: string, method: string): Promise<{ goOn: () => void; done: Promise<void> }> {
    const { one, bank } = arena;
    await pays(one, id, method);
    const answer = gate();
    const held = bank.stripe?.on({ call: 'confirm', bookingId: id, hold: 'before' });
    if (held === undefined) {
      one.ledger.hold = async () => {
        one.ledger.hold = async () => undefined;
        await answer.pass();
      };
    }
    const done = carriesOn(arena, one, id);
    done.catch(() => undefined);
    await (held?.reached ?? answer.reached);
    return { goOn: held?.release ?? answer.open, done };
  }

  /** Everything that ends a hold, or takes its units, once its time is over. */
  async function everybodyTries({ offerId, bookings: [id] }: Pair): Promise<void> {
    const { other } = arena;
    await timeUp(id);
    for (let time = 0; time < 3; time++) {
      await other.sweeper.lines();
      await other.admission.admit(offerId);
      await other.ledger.expire(offerId, ACTOR);
    }
    expect(await refusalOf(leaves(other, id))).toBe('PAYMENT_IN_PROGRESS');
    expect(await refusalOf(pays(other, id, arena.bank.good))).toBe('PAYMENT_IN_PROGRESS');
    expect(await refusalOf(other.operators.refund(id, {}, null, ACTOR))).toBe('PAYMENT_IN_PROGRESS');
    expect(await refusalOf(other.offers.change(offerId, { capacity: 0 }, ACTOR))).toBe('CAPACITY_BELOW_SOLD');
    // The sweeper of a process whose worker is at it says so in time, and settles what nobody is at.
    await arena.one.ledger.keepFulfilments([id], 15_000);
    expect(await other.ledger.unsettledAttempts(1000, 100)).toEqual([]);
  }

  it('a customer is never cut off while the card is being processed, whatever ends meanwhile', async () => {
    const pair = await heldPair();
    const [id, next] = pair.bookings;
    const { goOn, done } = await processing(id, arena.bank.good);
    await everybodyTries(pair);
    await arena.other.offers.change(pair.offerId, { paused: true }, ACTOR);
    await world.sql(`update offer set starts_at = now() - interval '1 s' where id = $1`, [pair.offerId]);
    await arena.other.sweeper.lines();
    expect(await arena.states([id])).toEqual(['paying']);
    goOn();
    await done;
    expect(await arena.states([id, next])).toEqual(['confirmed', 'sold_out']);
  });

  it('a card that is declined after the time was over ends the hold at once, and the next is served', async () => {
    const pair = await heldPair();
    const [id, next] = pair.bookings;
    const { goOn, done } = await processing(id, arena.bank.declined);
    await everybodyTries(pair);
    expect(await arena.states([id, next])).toEqual(['paying', 'waiting']);
    goOn();
    await done;
    expect(await arena.states([id])).toEqual(['expired']);
    await arena.other.sweeper.lines();
    expect(await arena.states([next])).toEqual(['paying']);
  });

  it('is never extended by anything but a payment under way', async () => {
    const { offerId, bookings } = await heldPair();
    const [id] = bookings;
    const { one, other, bank } = arena;
    const promised = await deadlineOf(id);
    const change = (rules: Parameters<typeof other.offers.change>[1]) => () =>
      other.offers.change(offerId, rules, ACTOR);
    const declined = async (): Promise<void> => {
      await pays(one, id, bank.declined);
      await carriesOn(arena, one, id);
    };
    const happenings: Readonly<Record<string, () => Promise<unknown>>> = {
      'it is looked at': () => other.bookings.snapshot({ kind: 'booking', bookingId: id }, id, 0),
      'others join': () => accept(world, offerId, [1, 1], { paymentMethod: bank.good }),
      'the sale is paused': change({ paused: true }),
      'holds are longer from now on': change({ holdSeconds: 3600 }),
      'the sale goes on': change({ paused: false }),
      'there is less on sale, or more': async () => {
        await change({ capacity: 2 })();
        await change({ capacity: 1 })();
      },
      'a sweeper passes': () => other.sweeper.lines(),
      'an admission passes': () => other.admission.admit(offerId),
      'its job is delivered without a payment': () => carriesOn(arena, other, id),
      'a worker says that it is at it': () => other.ledger.keepFulfilments([id], 15_000),
      'what has stalled is driven on': () => other.ledger.stalledFulfilments(100),
      'a card is declined': declined,
      'another card is declined': declined,
      'an attempt that never arrived is voided': async () => {
        await pays(one, id, bank.good);
        await other.ledger.sendAttempt(id, (await bookingOf(arena, id)).fence);
        await other.settle();
      },
      'the job of that attempt comes late': () => carriesOn(arena, one, id),
    };
    for (const [happening, happen] of Object.entries(happenings)) {
      await happen();
      const state = (await bookingOf(arena, id)).state;
      expect({ happening, state, deadline: await deadlineOf(id) }).toEqual({
        ...{ happening, state: 'held', deadline: promised },
      });
    }
    await timeUp(id);
    expect(await refusalOf(pays(other, id, bank.good))).toBe('HOLD_EXPIRED');
    await other.sweeper.lines();
    expect(await arena.states([id])).toEqual(['expired']);
  });

  it('of a method given up front begins with its decline, and not again with the next', async () => {
    const { bank, one } = arena;
    const { offerId, bookings } = await pairOf(arena, { capacity: 1, method: bank.declined });
    const [id] = bookings;
    await one.admission.admit(offerId);
    expect(await deadlineOf(id)).toBeNull();
    await carriesOn(arena, one, id);
    const promised = await deadlineOf(id);
    expect(promised).toBeInstanceOf(Date);
    await pays(one, id, bank.declined);
    expect(await deadlineOf(id)).toEqual(promised);
    await carriesOn(arena, one, id);
    expect(await bookingOf(arena, id)).toMatchObject({ state: 'held' });
    expect(await deadlineOf(id)).toEqual(promised);
  });
});
