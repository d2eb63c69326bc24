import { ACTOR } from '../../support/ledger.js';
import type { Arena } from './arena.js';
import { orRefused } from './or-refused.js';
import { race, type Draw, type Race, type Side } from './race.js';
import { bookingOf, carriesOn, leaves, pairFor, pairOf, pays, SHARED, type Pair } from './scenes.js';

const TIME_UP = `update booking set deadline = clock_timestamp() + $2 * interval '1 ms' where id = $1 and state = 'held'`;

const expiry = race<Pair & { readonly leftMs: number }>('payment success against expiry', {
  ends: ['confirmed sold_out', 'expired confirmed'],
  prepare: async (arena, draw) => {
    const pair = await pairOf(arena, { capacity: 1, method: null });
    await arena.one.admission.admit(pair.offerId);
    return { ...pair, leftMs: draw.between(0, 3) };
  },
  left: async (arena, { bookings: [id] }) => {
    await pays(arena.one, id, arena.bank.good);
    await carriesOn(arena, arena.one, id);
  },
  right: async (arena, { bookings: [id], leftMs }) => {
    await arena.world.sql(TIME_UP, [id, leftMs]);
    while ((await bookingOf(arena, id)).state === 'held') await arena.other.sweeper.lines();
  },
  first: async (arena, { bookings: [id] }) =>
    (await arena.deeds(id, 'expire')).length > 0 ? 'right' : 'left',
});

/** With a method given up front the grant leads to a charge at once: then nobody leaves any more. */
const cancelAgainstGrant = (isStay: boolean): Race =>
  race<Pair>(`cancel against grant${isStay ? ' of a stay' : ''}`, {
    ends: ['cancelled confirmed', 'confirmed sold_out'],
    prepare: (arena, draw) => pairFor(isStay, arena, { capacity: 1, method: draw.of(null, arena.bank.good) }),
    left: (arena, { bookings: [id] }) => leaves(arena.one, id),
    right: async (arena, { offerId, bookings: [id] }) => {
      await arena.other.admission.admit(offerId);
      await carriesOn(arena, arena.other, id);
    },
    first: async (arena, { bookings: [id] }) => {
      const [left] = await arena.deeds(id, 'cancel');
      return left?.from === 'waiting' ? 'left' : 'right';
    },
  });

const capacityAgainstGrant = (isStay: boolean): Race =>
  race<Pair>(`capacity cut against grant${isStay ? ' of stays' : ''}`, {
    ends: ['confirmed sold_out', 'confirmed confirmed'],
    prepare: (arena) => pairFor(isStay, arena, { capacity: 2, method: arena.bank.good }),
    left: (arena, { offerId }) =>
      arena.one.offers.change(
        offerId,
        isStay ? { nights: [{ from: SHARED, to: SHARED, capacity: 1 }] } : { capacity: 1 },
        ACTOR,
      ),
    right: async (arena, { offerId, bookings: [first, second] }) => {
      await arena.other.admission.admit(offerId);
      await carriesOn(arena, arena.other, first);
      await carriesOn(arena, arena.other, second);
    },
    first: async ({ world }, { offerId }) => {
      const cuts = await world.sql(
        `select from audit_event where offer_id = $1 and action = 'offer.change'`,
        [offerId],
      );
      return cuts.length > 0 ? 'left' : 'right';
    },
  });

const cancelAgainstPayment = race<Pair>('cancel against payment', {
  ends: ['cancelled confirmed', 'confirmed sold_out'],
  prepare: async (arena, draw) => {
    const pair = await pairFor(draw.chance(0.5), arena, { capacity: 1, method: null });
    await arena.one.admission.admit(pair.offerId);
    return pair;
  },
  left: (arena, { bookings: [id] }) => leaves(arena.one, id),
  right: async (arena, { bookings: [id] }) => {
    await pays(arena.other, id, arena.bank.good);
    await carriesOn(arena, arena.other, id);
  },
  first: async (arena, { bookings: [id] }) =>
    (await arena.deeds(id, 'cancel')).length > 0 ? 'left' : 'right',
});

interface TwoPayments extends Pair {
  /** Of the left side, and of the right. */
  readonly methods: readonly string[];
  readonly key: string | null;
}

/** Two tabs, with two cards or with one request sent twice; each brings a job, and each job has its worker. */
const twoPayments = race<TwoPayments>('two payments for one booking', {
  ends: ['confirmed sold_out', 'expired confirmed'],
  prepare: async (arena, draw) => {
    const pair = await pairOf(arena, { capacity: 1, method: null });
    await arena.one.admission.admit(pair.offerId);
    return { ...pair, ...howTheyPay(arena, draw) };
  },
  left: (arena, scene) => payAndCarryOn(arena, scene, 'left'),
  right: (arena, scene) => payAndCarryOn(arena, scene, 'right'),
  first: async (arena, { bookings: [id] }) =>
    (await arena.deeds(id, 'pay'))[0]?.by === 'left' ? 'left' : 'right',
});

function howTheyPay({ bank }: Arena, draw: Draw): { methods: readonly string[]; key: string | null } {
  const method = draw.of(bank.good, bank.good, bank.declined);
  return draw.chance(0.3)
    ? { methods: [method, method], key: 'one and the same' }
    : { methods: [method, bank.good], key: null };
}

async function payAndCarryOn(
  arena: Arena,
  { bookings: [id], methods: [one = '', other = ''], key }: TwoPayments,
  side: Side,
): Promise<void> {
  const racer = side === 'left' ? arena.one : arena.other;
  await orRefused(pays(racer, id, side === 'left' ? one : other, { key, by: side }));
  await carriesOn(arena, racer, id);
}

export const LINE_RACES: readonly Race[] = [
  expiry,
  cancelAgainstGrant(false),
  cancelAgainstGrant(true),
  capacityAgainstGrant(false),
  capacityAgainstGrant(true),
  cancelAgainstPayment,
  twoPayments,
];
