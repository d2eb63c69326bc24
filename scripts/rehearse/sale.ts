import type { Customer } from './customer.js';
import type { Options } from './options.js';
import { wantsTicket, type Plan, type StayPlan } from './plan.js';
import { verdict, type Verdict } from './verdict.js';

const DAY_MS = 86_400_000;
/** The first night on sale, in days from now. */
const AHEAD = 30;
const TITLE = { title: 'Rehearsal', venue: 'Nowhere', timeZone: 'UTC' } as const;

/** What is sold in a rehearsal: how it is put on sale, asked for, and when nothing more could have been sold. */
export interface Sale {
  /** What there is of it, for people: `tickets`. */
  readonly units: string;
  /** The body that puts it on sale. */
  readonly offer: Readonly<Record<string, unknown>>;
  /** The part of a request that names it. */
  request(plan: Plan): Readonly<Record<string, unknown>>;
  /** How many units this customer asks for. */
  unitsOf(plan: Plan): number;
  /** Nobody who wanted to pay goes without while there is left what they asked for. */
  judge(customers: readonly Customer[]): Verdict;
}

/** @param name of this rehearsal, unlike that of any other */
export const saleOf = (options: Options, name: string): Sale =>
  options.kind === 'hotel' ? stays(options, name) : tickets(options, name);

const isSold = ({ watch }: Customer): boolean => watch.shown?.state === 'confirmed';
const went = ({ watch, rejected }: Customer): string => watch.shown?.state ?? rejected ?? 'without an answer';

function tickets({ stock, holdSeconds }: Options, eventId: string): Sale {
  const ticketType = 'standard';
  return {
    units: 'tickets',
    offer: {
      ...TITLE,
      ...{ eventId, ticketType, holdSeconds, capacity: stock, limitPerCustomer: 1, maxQuantity: 1 },
      startsAt: new Date(Date.now() + 90 * DAY_MS).toISOString(),
      price: { amountMinor: 4900, currency: 'EUR' },
    },
    request: () => ({ eventId, ticketType, quantity: 1 }),
    unitsOf: () => 1,
    judge: (customers) => {
      const sold = customers.filter(isSold).length;
      const without = customers.filter((customer) => wantsTicket(customer.plan) && !isSold(customer));
      const violations =
        sold > stock
          ? [`${sold} sold of ${stock}`]
          : sold < stock
            ? without.map((customer) => `${customer.name} wanted a ticket and ended ${went(customer)}`)
            : [];
      return verdict('sold', 'no ticket is left while somebody wants one', `${sold} of ${stock}`, violations);
    },
  };
}

function stays({ rooms, nights, stock, holdSeconds }: Options, hotelId: string): Sale {
  const roomType = 'standard';
  const date = (night: number): string =>
    new Date(Date.now() + (AHEAD + night) * DAY_MS).toISOString().slice(0, 10);
  return {
    units: 'room nights',
    offer: {
      ...TITLE,
      ...{ hotelId, roomType, holdSeconds, limitPerCustomer: 2, maxQuantity: 2 },
      price: { amountMinor: 9900, currency: 'EUR' },
      nights: [{ from: date(0), to: date(nights - 1), capacity: rooms }],
    },
    request: (plan) => {
      const { first, last, rooms: wanted } = stayOf(plan);
      return { hotelId, roomType, checkIn: date(first), checkOut: date(last + 1), rooms: wanted };
    },
    unitsOf: (plan) => unitsOf(stayOf(plan)),
    judge: (customers) => {
      const left = Array.from({ length: nights }, () => rooms);
      for (const customer of customers.filter(isSold)) {
        const { first, last, rooms: taken } = stayOf(customer.plan);
        for (let night = first; night <= last; night++) left[night] = (left[night] ?? 0) - taken;
      }
      const violations = left.flatMap((free, night) =>
        free < 0 ? [`night ${night + 1}: ${free} left`] : [],
      );
      for (const customer of customers) {
        // Whoever had their turn and was too slow, on a machine as busy as this, was offered what is left.
        const had = isSold(customer) || customer.watch.shown?.state === 'expired';
        if (had || !wantsTicket(customer.plan)) continue;
        const { first, last, rooms: wanted } = stayOf(customer.plan);
        if (Math.min(...left.slice(first, last + 1)) < wanted) continue;
        violations.push(
          `${customer.name} wanted ${wanted} rooms for the nights ${first + 1} to ${last + 1}, which are free, and ended ${went(customer)}`,
        );
      }
      const sold = stock - left.reduce((sum, free) => sum + free, 0);
      return verdict(
        'sold',
        'no stay is left that somebody waited for in vain',
        `${sold} of ${stock} room nights`,
        violations,
      );
    },
  };
}

function stayOf({ stay }: Plan): StayPlan {
  if (stay === null) throw new TypeError('This customer asks for tickets');
  return stay;
}

const unitsOf = ({ first, last, rooms }: StayPlan): number => (last - first + 1) * rooms;
