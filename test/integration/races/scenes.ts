import type { Actor, Booking } from '../../../src/booking/booking.js';
import type { NewOffer } from '../../../src/booking/ledger/types.js';
import { accept, newOffer } from '../../support/ledger.js';
import { acceptStays, newRooms, night } from '../../support/stays.js';
import type { Arena } from './arena.js';
import type { Racer } from './racer.js';

/** Two bookings in a line, one unit or room each. */
export interface Pair {
  readonly offerId: string;
  readonly bookings: readonly [first: string, second: string];
}

interface Sale {
  readonly capacity: number;
  /** How the first pays; null where it has not said yet. The second always pays, and well. */
  readonly method: string | null;
  readonly rules?: Partial<NewOffer>;
}

/** Two for an event. */
export async function pairOf(arena: Arena, { capacity, method, rules }: Sale): Promise<Pair> {
  const { world, bank } = arena;
  const { id: offerId } = await newOffer(world, { capacity, ...rules });
  const [first] = await accept(world, offerId, [1], { paymentMethod: method });
  const [second] = await accept(world, offerId, [1], { paymentMethod: bank.good });
  return { offerId, bookings: [first?.bookingId ?? '', second?.bookingId ?? ''] };
}

/** The night that both stays of a pair want. */
export const SHARED = night(2);

/** Two for a hotel whose stays share one night. */
export async function stayingPair(arena: Arena, { capacity, method }: Sale): Promise<Pair> {
  const { world, bank } = arena;
  const { id: offerId } = await newRooms(world, 3, capacity);
  const [first] = await acceptStays(world, offerId, [[1, 2]], { paymentMethod: method });
  const [second] = await acceptStays(world, offerId, [[2, 3]], { paymentMethod: bank.good });
  return { offerId, bookings: [first?.bookingId ?? '', second?.bookingId ?? ''] };
}

export const pairFor = (isStay: boolean, arena: Arena, sale: Sale): Promise<Pair> =>
  isStay ? stayingPair(arena, sale) : pairOf(arena, sale);

export const customer = (id: string): Actor => ({ kind: 'customer', id, correlationId: 'race' });

/** A customer's own call, by the booking's token. */
export const pays = (
  { bookings }: Racer,
  bookingId: string,
  method: string,
  { key = null, by = 'customer' }: { key?: string | null; by?: string } = {},
): Promise<unknown> => bookings.pay({ kind: 'booking', bookingId }, bookingId, method, key, customer(by));

export const leaves = ({ bookings }: Racer, bookingId: string): Promise<unknown> =>
  bookings.cancel({ kind: 'booking', bookingId }, bookingId, customer('customer'));

export async function bookingOf({ world }: Arena, id: string): Promise<Booking> {
  const found = await world.ledger.booking(id);
  if (found === null) throw new Error(`there is no booking ${id}`);
  return found.booking;
}

/** Delivers the job that a payment or a grant brings. */
export async function carriesOn(arena: Arena, racer: Racer, bookingId: string): Promise<void> {
  await racer.fulfil(await bookingOf(arena, bookingId));
}

/** Holds up whoever passes until it is opened; tells when somebody has come. */
export function gate(): { pass: () => Promise<void>; reached: Promise<void>; open: () => void } {
  let come: () => void = () => undefined;
  let open: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (come = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    pass: async () => {
      come();
      await opened;
    },
    reached,
    open: () => open(),
  };
}
