import { seededRandom, shuffled, type Random } from './random.js';

/** What a simulated customer means to do. Drawn before the first request, so that a seed repeats the crowd. */
export interface Plan {
  readonly index: number;
  readonly behaviour: Behaviour;
  readonly transport: 'socket' | 'poll';
  /** Sends its request twice at once, with the same Idempotency-Key. */
  readonly duplicate: boolean;
  /** Names its payment method with the request. */
  readonly prepaid: boolean;
  /** What it asks for in a hotel; null where tickets are sold. */
  readonly stay: StayPlan | null;
}

/** Nights from 0, both included. */
export interface StayPlan {
  readonly first: number;
  readonly last: number;
  readonly rooms: number;
}

export type Behaviour =
  | { readonly kind: 'pays' }
  /** Lets the hold run out. */
  | { readonly kind: 'no-show' }
  /** Its first payment is declined. */
  | { readonly kind: 'declined'; readonly then: 'pays' | 'leaves' }
  /** `afterMs`: time in the line, for those who leave while waiting. */
  | { readonly kind: 'leaves'; readonly from: 'waiting' | 'held'; readonly afterMs: number };

export interface Shares {
  readonly clients: number;
  readonly noShow: number;
  readonly decline: number;
  readonly leave: number;
  readonly duplicate: number;
  readonly sockets: number;
  readonly prepaid: number;
  readonly holdSeconds: number;
  readonly seed: number;
  readonly kind: 'ticket' | 'hotel';
  readonly nights: number;
}

const LONGEST_STAY = 7;
/** One in so many asks for two rooms. */
const TWO_ROOMS = 5;

/** One plan per client. Shares are met exactly (rounded to whole clients); who it is, is drawn. */
export function drawPlans(shares: Shares): Plan[] {
  const random = seededRandom(shares.seed);
  const behaviours = drawBehaviours(shares, random);
  const duplicate = drawn(shares.clients, shares.duplicate, random);
  const socket = drawn(shares.clients, shares.sockets, random);
  const prepaid = drawn(shares.clients, shares.prepaid, random);
  return behaviours.map((behaviour, index) => ({
    index,
    behaviour,
    transport: socket[index] === true ? 'socket' : 'poll',
    duplicate: duplicate[index] === true,
    // Somebody who means not to pay, or to be declined, gives no method that would be charged.
    prepaid: prepaid[index] === true && behaviour.kind === 'pays',
    stay: shares.kind === 'hotel' ? drawStay(shares.nights, random) : null,
  }));
}

/** Stays of every length overlap everywhere. */
export function drawStay(nights: number, random: Random): StayPlan {
  const length = 1 + Math.floor(random() * Math.min(LONGEST_STAY, nights));
  const first = Math.floor(random() * (nights - length + 1));
  return { first, last: first + length - 1, rooms: random() < 1 / TWO_ROOMS ? 2 : 1 };
}

function drawBehaviours(shares: Shares, random: Random): Behaviour[] {
  const { clients } = shares;
  const count = (share: number): number => Math.round(clients * share);
  const leaving = (): Behaviour => ({
    kind: 'leaves',
    from: random() < 0.5 ? 'waiting' : 'held',
    afterMs: random() * shares.holdSeconds * 1000,
  });
  const declined = (): Behaviour => ({ kind: 'declined', then: random() < 0.75 ? 'pays' : 'leaves' });
  const special: Behaviour[] = [
    ...Array.from({ length: count(shares.noShow) }, (): Behaviour => ({ kind: 'no-show' })),
    ...Array.from({ length: count(shares.decline) }, declined),
    ...Array.from({ length: count(shares.leave) }, leaving),
  ].slice(0, clients);
  const rest = Array.from({ length: clients - special.length }, (): Behaviour => ({ kind: 'pays' }));
  return shuffled([...special, ...rest], random);
}

function drawn(clients: number, share: number, random: Random): boolean[] {
  const chosen = Math.round(clients * share);
  return shuffled(
    Array.from({ length: clients }, (_, index) => index < chosen),
    random,
  );
}

/** Would end with a ticket if there were enough of them. */
export const wantsTicket = ({ behaviour }: Plan): boolean =>
  behaviour.kind === 'pays' || (behaviour.kind === 'declined' && behaviour.then === 'pays');
