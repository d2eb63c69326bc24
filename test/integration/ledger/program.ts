import fc from 'fast-check';
import type { BookingState } from '../../../src/booking/booking.js';
import type { ReservationState } from '../../../src/booking/ledger/reservations.js';
import { THE_DAY, type ModelRequest, type ModelTelling, type Nights, type Rules } from './model-booking.js';

/** Which booking a command is for: one in a state that suits it, or any at all. */
interface Pick {
  readonly suits: boolean;
  readonly which: number;
}

export type Command =
  | { readonly do: 'accept'; readonly batch: readonly ModelRequest[] }
  | { readonly do: 'admit' | 'write'; readonly limit: number }
  | { readonly do: 'pay' | 'lapse' | 'cancel' | 'confirm' | 'letter' | 'fulfil'; readonly pick: Pick }
  | { readonly do: 'charge'; readonly pick: Pick; readonly attempt: number; readonly outcome: Outcome }
  | { readonly do: 'mishap'; readonly pick: Pick; readonly kind: 'late capture' | 'late decline' }
  | { readonly do: 'reject'; readonly pick: Pick; readonly stale: boolean }
  | { readonly do: 'step'; readonly pick: Pick; readonly step: 'validate' | 'pdf' | 'email' }
  | { readonly do: 'resolve'; readonly pick: Pick; readonly how: 'replayed' | 'discarded' }
  | { readonly do: 'refund'; readonly pick: Pick; readonly byTerms: boolean }
  | { readonly do: 'resize'; readonly capacity: number; readonly nights: Nights }
  | ({ readonly do: 'tell' } & ModelTelling)
  | { readonly do: 'pause'; readonly on: boolean }
  | { readonly do: 'expire' | 'begin' | 'check' | 'look' | 'prune' | 'seal' };

export type Outcome = 'captured' | 'declined' | 'voided';

/** The states in which a command does what it is for. */
const SUITS: Partial<Record<Command['do'], readonly BookingState[]>> = {
  pay: ['held'],
  lapse: ['held', 'paying'],
  cancel: ['waiting', 'held'],
  confirm: ['paid'],
  letter: ['paid'],
  fulfil: ['held', 'paying'],
  mishap: ['held', 'paying'],
  charge: ['paying'],
  reject: ['paying'],
  step: ['paying', 'paid'],
  resolve: ['paid'],
  refund: ['paid', 'confirmed'],
};

/** The booking that a command means, among those that there are. */
export function chosen<B extends { readonly state: BookingState }>(
  command: Extract<Command, { pick: Pick }>,
  bookings: readonly B[],
): B | undefined {
  const { suits, which } = command.pick;
  const suiting = suits ? bookings.filter(({ state }) => SUITS[command.do]?.includes(state)) : bookings;
  return suiting[which % Math.max(1, suiting.length)];
}

const pick = fc.record({
  suits: fc.integer({ min: 0, max: 9 }).map((n) => n < 8),
  which: fc.nat({ max: 1000 }),
});

/** The nights of each booking of another system, where it is for some; the last are not on sale at first. */
const THEIR_NIGHTS: readonly Nights[] = [
  [1, 1],
  [2, 4],
  [1, 3],
  [4, 5],
];

const request = (customers: number, nights: fc.Arbitrary<Nights>): fc.Arbitrary<ModelRequest> =>
  fc.record({
    customer: fc.nat({ max: customers - 1 }),
    quantity: fc.oneof(
      { weight: 3, arbitrary: fc.constant(1) },
      { arbitrary: fc.integer({ min: 1, max: 5 }), weight: 2 },
    ),
    prepaid: fc.integer({ min: 0, max: 9 }).map((n) => n < 3),
    key: fc.option(fc.nat({ max: 2 }), { freq: 2 }),
    nights,
  });

/** Few nights, so that many share one; some too long, some on no sale. */
export const nights: fc.Arbitrary<Nights> = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.constantFrom(1, 1, 1, 2, 2, 3, 4, 5))
  .map(([first, length]) => [first, first + length - 1]);

/** What another system tells of a few bookings: nearly always of the same units. */
const telling: fc.Arbitrary<ModelTelling> = fc
  .record({
    theirs: fc.nat({ max: THEIR_NIGHTS.length - 1 }),
    fence: fc.nat({ max: 8 }),
    state: fc.constantFrom<ReservationState>('reserved', 'reserved', 'confirmed', 'released', 'released'),
    more: fc.integer({ min: 0, max: 9 }).map((n) => (n === 0 ? 1 : 0)),
  })
  .map(({ theirs, more, ...told }) => ({
    ...{ ...told, theirs, quantity: 1 + (theirs % 2) + more },
    nights: THEIR_NIGHTS[theirs] ?? THE_DAY,
  }));

export const rules: fc.Arbitrary<Rules> = fc.record({
  capacity: fc.integer({ min: 0, max: 8 }),
  limit: fc.integer({ min: 1, max: 8 }),
  maxLength: fc.integer({ min: 2, max: 30 }),
  maxQuantity: fc.integer({ min: 1, max: 4 }),
});

/** One command; of `customers` many customers, who want such nights. */
export function command(
  customers: number,
  nights: fc.Arbitrary<Nights> = fc.constant(THE_DAY),
): fc.Arbitrary<Command> {
  const batch = fc.uniqueArray(request(customers, nights), {
    selector: (r) => r.customer,
    minLength: 1,
    maxLength: 6,
  });
  const limit = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(500));
  const of = <Name extends Command['do']>(name: Name): fc.Arbitrary<Name> => fc.constant(name);
  const weighted: [number, fc.Arbitrary<Command>][] = [
    [12, fc.record({ do: of('accept'), batch })],
    [10, fc.record({ do: of('admit'), limit })],
    [5, fc.record({ do: of('pay'), pick })],
    [
      8,
      fc.record({
        do: of('charge'),
        pick,
        attempt: fc.nat({ max: 5 }),
        outcome: fc.constantFrom<Outcome>('captured', 'captured', 'declined', 'voided'),
      }),
    ],
    [3, fc.record({ do: of('lapse'), pick })],
    [3, fc.record({ do: of('expire') })],
    [5, fc.record({ do: of('cancel'), pick })],
    [2, fc.record({ do: of('reject'), pick, stale: fc.boolean() })],
    [2, fc.record({ do: of('step'), pick, step: fc.constantFrom('validate', 'pdf', 'email') })],
    [2, fc.record({ do: of('confirm'), pick })],
    [4, fc.record({ do: of('fulfil'), pick })],
    [3, fc.record({ do: of('mishap'), pick, kind: fc.constantFrom('late capture', 'late decline') })],
    [1, fc.record({ do: of('letter'), pick })],
    [1, fc.record({ do: of('resolve'), pick, how: fc.constantFrom('replayed', 'discarded', 'discarded') })],
    [2, fc.record({ do: of('refund'), pick, byTerms: fc.boolean() })],
    [3, fc.record({ do: of('resize'), capacity: fc.integer({ min: 0, max: 10 }), nights })],
    [3, telling.map((told) => ({ do: 'tell' as const, ...told }))],
    [1, fc.record({ do: of('pause'), on: fc.integer({ min: 0, max: 2 }).map((n) => n === 0) })],
    [4, fc.record({ do: of('write'), limit: fc.integer({ min: 1, max: 4 }) })],
    [1, fc.record({ do: fc.constantFrom('check', 'begin') })],
    [3, fc.record({ do: fc.constantFrom('look', 'look', 'prune', 'seal') })],
  ];
  return fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

/** The seed of this run; `FAIRLINE_SEED` repeats one. */
export function seedOf(name: string): number {
  const given = Number(process.env['FAIRLINE_SEED'] ?? Number.NaN);
  const seed = Number.isInteger(given) ? given : Math.floor(Math.random() * 2 ** 31);
  process.stdout.write(`${name}: FAIRLINE_SEED=${seed}\n`);
  return seed;
}
