import { letterOf } from '../../support/ledger.js';
import { WEBHOOK_SECRET } from '../../support/stripe-app.js';
import { signatureOf } from '../../support/stripe-events.js';
import type { Arena } from './arena.js';
import { orRefused } from './or-refused.js';
import { race, type Draw, type Race } from './race.js';
import { bookingOf, carriesOn, customer, gate, leaves, pairOf, pays, type Pair } from './scenes.js';

const OPERATOR = { kind: 'operator', id: 'operator', correlationId: 'race' } as const;

/** A pair whose first is paying, and whose job stands where the race begins. */
interface UnderWay extends Pair {
  /** Lets the job go on, to its end. */
  readonly goOn: () => Promise<void>;
}

const payingPair = async (arena: Arena, method: string): Promise<Pair> => {
  const pair = await pairOf(arena, { capacity: 1, method });
  await arena.one.admission.admit(pair.offerId);
  return pair;
};

/** The job runs already; how it fails is told to whoever lets it go on. */
function goingOn(work: Promise<void>, release: () => void): () => Promise<void> {
  const job = orRefused(work);
  job.catch(() => undefined);
  return async () => {
    release();
    await job;
  };
}

/** Stripe has done it, says so by an event, and its answer is on its way. */
const webhookAgainstAnswer = race<UnderWay & { readonly payload: string }>('webhook against API answer', {
  banks: ['stripe'],
  ends: ['confirmed sold_out', 'expired confirmed'],
  prepare: async (arena, draw) => {
    const { bank, one } = arena;
    const stripe = standIn(arena);
    const isGood = draw.chance(0.7);
    const pair = await payingPair(arena, isGood ? bank.good : bank.declined);
    const [bookingId] = pair.bookings;
    const held = stripe.on({ call: isGood ? 'capture' : 'confirm', bookingId, hold: 'after' });
    const goOn = goingOn(carriesOn(arena, one, bookingId), held.release);
    await held.reached;
    const intent = stripe.books.all().findLast(({ metadata }) => metadata['bookingId'] === bookingId);
    const type = isGood ? 'payment_intent.succeeded' : 'payment_intent.payment_failed';
    const { payload } = stripe.events.of(intent?.id ?? '', type);
    return { ...pair, goOn, payload };
  },
  left: (_, { goOn }) => goOn(),
  right: ({ other }, { payload }) =>
    other.webhook.take(Buffer.from(payload), signatureOf(payload, WEBHOOK_SECRET), {
      correlationId: 'race',
    }),
  first: async (arena, { bookings: [id] }) => {
    const [captured] = await arena.deeds(id, 'payment.captured');
    const [declined] = await arena.deeds(id, 'payment.declined');
    return (captured ?? declined)?.by === 'stripe' ? 'right' : 'left';
  },
});

function standIn({ bank: { stripe } }: Arena): NonNullable<typeof stripe> {
  if (stripe === null) throw new Error('this race is of Stripe alone');
  return stripe;
}

/**
 * The card of the first attempt was declined, and the worker that heard so has not reported it yet. Another process has
 * found it out by settling, so that the customer pays again: at that very moment the first report comes.
 */
const lateDecline = race<UnderWay & { readonly found: { state: string } }>(
  'a late decline of attempt 1 against attempt 2',
  {
    ends: ['confirmed sold_out'],
    prepare: async (arena) => {
      const { one, other, bank } = arena;
      const pair = await payingPair(arena, bank.declined);
      const [id] = pair.bookings;
      const report = gate();
      const found = { state: '' };
      one.ledger.hold = async () => {
        one.ledger.hold = async () => undefined;
        await report.pass();
      };
      one.ledger.heard = (state) => (found.state ||= state);
      const goOn = goingOn(carriesOn(arena, one, id), report.open);
      await report.reached;
      await other.settle();
      return { ...pair, goOn, found };
    },
    left: (_, { goOn }) => goOn(),
    right: async (arena, { bookings: [id] }) => {
      await pays(arena.other, id, arena.bank.good);
      await carriesOn(arena, arena.other, id);
    },
    first: async (_, { found }) => (found.state === 'held' ? 'left' : 'right'),
  },
);

/** A request that is under way at the provider, whoever sent it, while another process has the attempt settled. */
const settlement = race<UnderWay>('settlement against a request still in flight', {
  ends: ['confirmed sold_out', 'expired confirmed'],
  prepare: async (arena, draw) => {
    const { bank, world, one } = arena;
    const isAnswerLost = draw.chance(0.1);
    const method = bank.stripe === null && isAnswerLost ? 'pm_timeout_captured' : bank.good;
    const pair = await payingPair(arena, method);
    const [bookingId] = pair.bookings;
    if (bank.stripe === null) {
      const { fence } = await bookingOf(arena, bookingId);
      await world.ledger.sendAttempt(bookingId, fence);
      // Sent once, by a worker that is gone: the job is delivered again.
      return { ...pair, goOn: () => carriesOn(arena, one, bookingId) };
    }
    const held = bank.stripe.on({ ...inFlight(draw, isAnswerLost), bookingId });
    const goOn = goingOn(carriesOn(arena, one, bookingId), held.release);
    await held.reached;
    return { ...pair, goOn };
  },
  left: (_, { goOn }) => goOn(),
  right: ({ other }) => other.settle(),
  first: async ({ world }, { bookings: [id] }) => {
    const captured = await world.sql(
      `select from payment_attempt where booking_id = $1 and state = 'captured'`,
      [id],
    );
    return captured.length > 0 ? 'left' : 'right';
  },
});

const inFlight = (draw: Draw, isAnswerLost: boolean) =>
  isAnswerLost
    ? ({ call: 'capture', hold: 'before', cut: 'after' } as const)
    : ({ call: draw.of('confirm', 'capture'), hold: 'before' } as const);

/** Its document could not be printed: an operator has that tried again, while another gives the money back. */
const refund = race<Scene>('refund against replayed fulfilment', {
  ends: ['refunded sold_out'],
  prepare: async (arena, draw) => {
    const { one, world, bank } = arena;
    const rules = { cancellation: { refundable: true } };
    const method = draw.of(bank.good, bank.name === 'sandbox' ? 'pm_refund_error_once' : bank.good);
    const pair = await pairOf(arena, { capacity: 1, method, rules });
    const [id] = pair.bookings;
    await one.admission.admit(pair.offerId);
    one.printer.jammed = true;
    await carriesOn(arena, one, id).catch(() => undefined);
    one.printer.jammed = false;
    const letter = await world.ledger.openDeadLetter(letterOf(id), OPERATOR);
    return { ...pair, letterId: letter?.id ?? '', byCustomer: draw.chance(0.5) };
  },
  left: async (arena, { bookings: [id], letterId }) => {
    await arena.one.operators.replay(letterId, null, OPERATOR);
    await carriesOn(arena, arena.one, id);
  },
  right: ({ other }, { bookings: [id], byCustomer }) =>
    byCustomer ? leaves(other, id) : other.operators.refund(id, {}, null, customer('operator')),
  first: async (arena, { bookings: [id] }) => {
    const [given] = await arena.deeds(id, 'refund');
    return given?.from === 'paid' ? 'right' : 'left';
  },
});

interface Scene extends Pair {
  readonly letterId: string;
  readonly byCustomer: boolean;
}

export const MONEY_RACES: readonly Race[] = [webhookAgainstAnswer, lateDecline, settlement, refund];
