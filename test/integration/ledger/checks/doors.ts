import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, type TestLedger } from '../../../support/ledger.js';
import { newRooms, stayFor } from '../../../support/stays.js';
import type { AcceptOutcome } from '../../../../src/booking/ledger/types.js';
import type { Checks } from './check.js';

const NIGHTS = 5;
const VOLLEYS = 20;
/** A line of so many on each night, and so many units for each customer. */
const [LONGEST_LINE, LIMIT] = [4, 3];
const UNITS = 2;
const GUESTS = ['ann', 'ben', 'cem', 'dot'];

interface Wish {
  readonly guest: string;
  readonly first: number;
  readonly last: number;
  readonly quantity: number;
}

const sharesNight = (one: Wish, other: Wish): boolean => one.first <= other.last && other.first <= one.last;

/** What each wish of a batch is answered by a door that comes alone; those who entered are put to the others. */
function served(entered: Wish[], batch: readonly Wish[]): string[] {
  const before = [...entered];
  return batch.map((wish) => {
    const own = before.filter(({ guest }) => guest === wish.guest);
    const most = Math.max(
      ...Array.from({ length: wish.last - wish.first + 1 }, (_, index) => wish.first + index).map((night) =>
        own
          .filter(({ first, last }) => first <= night && night <= last)
          .reduce((sum, { quantity }) => sum + quantity, 0),
      ),
    );
    if (wish.quantity > LIMIT - most) return 'LIMIT_PER_CUSTOMER';
    const position = entered.filter((other) => sharesNight(other, wish)).length + 1;
    if (position > LONGEST_LINE) return 'LINE_FULL';
    entered.push(wish);
    return `number ${entered.length}, position ${position}`;
  });
}

const said = (outcome: AcceptOutcome): string =>
  outcome.accepted ? `number ${outcome.seq}, position ${outcome.position}` : codeOf(outcome);

const upTo = (most: number): number => 1 + Math.floor(Math.random() * most);
const wishOf = (guest: string): Wish => {
  const first = upTo(NIGHTS);
  return { guest, first, last: Math.min(NIGHTS, first + upTo(3) - 1), quantity: upTo(UNITS) };
};

/** Both doors stand at the line, and nobody has entered; then the barrier is opened. */
async function atOneBarrier<T>(world: TestLedger, offerId: string, ask: () => Promise<T>): Promise<T> {
  const barrier = await world.session();
  await barrier.query('begin');
  await barrier.query('select from booking_line where offer_id = $1 for update', [offerId]);
  const answers = ask();
  for (let waiting = 0; waiting < 2;) {
    await sleep(5);
    const [row] = await world.sql<{ count: number }>(
      `select count(*)::integer from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    waiting = row?.count ?? 0;
  }
  await barrier.query('commit');
  await barrier.end();
  return answers;
}

export const doors: Checks = {
  'two doors that accept stays of overlapping nights at one moment answer as if they had taken turns': async (
    world,
  ) => {
    const two = [world.another(), world.another()];
    const met = new Set<string>();
    let entered: Wish[] = [];
    let id = '';
    for (let volley = 0; volley < VOLLEYS; volley += 1) {
      if (volley % 4 === 0) {
        entered = [];
        ({ id } = await newRooms(world, NIGHTS, UNITS, { limitPerCustomer: LIMIT }));
      }
      const batches = two.map(() => GUESTS.map(wishOf));
      const outcomes = await atOneBarrier(world, id, () =>
        Promise.all(
          two.map(async ({ ledger }, door) => {
            const wishes = batches[door] ?? [];
            const requests = wishes.map(({ guest, first, last, quantity }) =>
              stayFor(id, [first, last], { customerId: `${guest} of ${id}`, quantity }),
            );
            return (await ledger.acceptStays(requests, LONGEST_LINE)).outcomes.map(said);
          }),
        ),
      );
      const turns = [[0, 1] as const, [1, 0] as const].map((order) => {
        const after = [...entered];
        const answers: string[][] = [[], []];
        for (const door of order) answers[door] = served(after, batches[door] ?? []);
        return { answers, after };
      });
      expect(turns.map(({ answers }) => answers)).toContainEqual(outcomes);
      entered =
        turns.find(({ answers }) => JSON.stringify(answers) === JSON.stringify(outcomes))?.after ?? [];
      for (const outcome of outcomes.flat()) met.add(outcome.replace(/ .*/, ''));
    }
    expect([...met].sort()).toEqual(['LIMIT_PER_CUSTOMER', 'LINE_FULL', 'number']);
  },
};
