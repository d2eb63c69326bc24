import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { PROGRESS, STEPS, type StepName } from '../../../src/booking/booking.js';
import { checkInvariants } from '../../../scripts/ledger-check.js';
import { book, type Accepted } from './customer.js';
import { eventually, type Place } from './place.js';

/** What the ledger says of one booking: its state, and the steps that succeeded. */
interface Row {
  readonly id: string;
  readonly state: string;
  readonly progress: number;
  readonly steps: string;
}

/** A look into the ledger beside the application. */
export class Books {
  private constructor(private readonly client: Client) {}

  static async open(url: string): Promise<Books> {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    return new Books(client);
  }

  async rows(): Promise<Row[]> {
    const { rows } = await this.client.query<Row>(
      `select b.id, b.state, b.progress, count(s.step)::text as steps
       from booking b left join booking_step s on s.booking_id = b.id group by b.id`,
    );
    return rows;
  }

  /** How many are at work at each step: the one after the last that succeeded. */
  async atStep(): Promise<Map<StepName, number>> {
    const found = new Map<StepName, number>();
    for (const { state, steps } of await this.rows()) {
      const step = STEPS[Number(steps)];
      if (step !== undefined && (state === 'paying' || state === 'paid'))
        found.set(step, (found.get(step) ?? 0) + 1);
    }
    return found;
  }

  /** Those at work now, by id, with the number of their steps. */
  async atWork(): Promise<Map<string, number>> {
    const rows = await this.rows();
    const working = rows.filter(({ state }) => state === 'paying' || state === 'paid');
    return new Map(working.map(({ id, steps }) => [id, Number(steps)]));
  }

  /** Waits until one of these has advanced. @returns after how many ms */
  async resumed(before: ReadonlyMap<string, number>): Promise<number> {
    const begun = performance.now();
    await eventually('work goes on', async () => {
      const rows = await this.rows();
      return rows.some(({ id, steps }) => Number(steps) > (before.get(id) ?? Infinity)) ? true : null;
    });
    return Math.round(performance.now() - begun);
  }

  /** What became of whom, for a test that failed. */
  async story(): Promise<string> {
    const { rows } = await this.client.query(
      `select b.state, b.progress, b.redrives, b.redrive_at - now() as redrive_in, d.reason as dead, d.attempts,
         a.state as attempt, count(*)::integer as bookings
       from booking b
       left join dead_letter d on d.booking_id = b.id and d.state = 'open'
       left join payment_attempt a on a.booking_id = b.id and a.fence = b.fence
       where b.state <> 'confirmed' group by 1, 2, 3, 4, 5, 6, 7`,
    );
    return JSON.stringify(rows);
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}

/** Waits for a moment at which a kill falls into every step at once. */
export const everyStepIsAtWork = (books: Books): Promise<true> =>
  eventually('each step has a booking at work', async () => {
    const at = await books.atStep();
    return STEPS.every((step) => (at.get(step) ?? 0) > 0) ? true : null;
  });

/** Bookings that come one by one, so that at any moment each step has some at work; `crowd` names the customers. */
export async function arrive(
  url: string,
  eventId: string,
  count: number,
  everyMs: number,
  paymentMethod = 'pm_ok',
  crowd = eventId,
): Promise<Accepted[]> {
  const arriving: Promise<Accepted>[] = [];
  for (let index = 0; index < count; index += 1) {
    const booking = book(url, {
      userId: `${crowd}-${index}`,
      eventId,
      paymentMethod,
      email: `fan-${index}@example.org`,
    });
    // Told by the end of this call, not before.
    booking.catch(() => undefined);
    arriving.push(booking);
    await sleep(everyMs);
  }
  return await Promise.all(arriving);
}

/** @throws Error that says what became of the others */
export async function allConfirmed(books: Books, count: number, withinMs: number): Promise<void> {
  const confirmed = async (): Promise<true | null> => {
    const rows = await books.rows();
    const done = ({ state, progress }: Row): boolean =>
      state === 'confirmed' && progress === PROGRESS.inventory;
    return rows.length === count && rows.every(done) ? true : null;
  };
  try {
    await eventually(`${count} are confirmed`, confirmed, withinMs);
  } catch (error) {
    throw new Error(`Not all were confirmed: ${await books.story()}`, { cause: error });
  }
}

/** F1 to F7, in words where one is broken. */
export async function violations(place: Place): Promise<string[]> {
  const report = await checkInvariants(place.databaseUrl);
  return Object.entries(report).flatMap(([name, { violations: found }]) =>
    found.map((violation) => `${name}: ${violation}`),
  );
}
