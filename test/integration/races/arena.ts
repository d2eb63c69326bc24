import type { ProviderCharge } from '../../../src/booking/ledger/types.js';
import { chargePages } from '../../../src/worker/payment/charge-pages.js';
import { broken, type TestLedger } from '../../support/ledger.js';
import { openBank, type Bank, type BankName } from './bank.js';
import { isRefusal, orRefused } from './or-refused.js';
import { Racer } from './racer.js';

/** More than anything takes that comes to an end at all. */
const ROUNDS = 40;
/** Jobs that are carried on at once when all is settled. */
const AT_ONCE = 8;
const DEADLOCKS = `select deadlocks::integer from pg_stat_database where datname = current_database()`;

interface AttemptRow {
  readonly booking_id: string;
  readonly provider_key: string;
  readonly attempt: 'started' | 'captured' | 'declined' | 'voided';
  readonly amount: number;
  readonly booking: string;
  readonly refunds: number;
  readonly given: number;
}

/** A ledger, a bank, and two processes that know nothing of one another but what those two say. */
export class Arena {
  private constructor(
    readonly world: TestLedger,
    readonly bank: Bank,
    readonly one: Racer,
    readonly other: Racer,
  ) {}

  /** On a ledger that the caller closes after it. */
  static async open(world: TestLedger, name: BankName): Promise<Arena> {
    const bank = await openBank(name);
    const racer = (who: string): Racer => new Racer(who, world.another().db, bank);
    return new Arena(world, bank, racer('one'), racer('other'));
  }

  async close(): Promise<void> {
    await Promise.all([this.one.close(), this.other.close()]);
    await this.bank.close();
  }

  async states(bookings: readonly string[]): Promise<string[]> {
    const found = await this.world.ledger.bookings(bookings);
    return bookings.map((id) => found.find(({ booking }) => booking.id === id)?.booking.state ?? 'absent');
  }

  /** Who did this to the booking, from which state, in the order in which it happened. */
  deeds(bookingId: string, action: string): Promise<{ by: string; from: string | null }[]> {
    return this.world.sql(
      `select actor_id as by, from_state as from from audit_event where booking_id = $1 and action = $2 order by version`,
      [bookingId, action],
    );
  }

  /** Nobody pays or leaves any more: what is due is done, until nothing is. @throws Error with what is not settled */
  async settle(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      if ((await this.open()).length === 0) {
        while ((await this.world.ledger.seal()) > 0);
        return;
      }
      await this.world.sql(
        `update booking set deadline = clock_timestamp() - interval '1 ms' where state = 'held'`,
      );
      await this.world.sql(`update refund set next_at = clock_timestamp() where state = 'pending'`);
      await this.world.sql(`update payment_attempt set settle_at = null where state = 'started'`);
      await this.other.sweeper.lines();
      const due = await this.underWay();
      for (let at = 0; at < due.length; at += AT_ONCE) {
        const some = due.slice(at, at + AT_ONCE);
        await Promise.all(some.map((booking) => orRefused(this.one.fulfil(booking))));
      }
      await this.other.settle();
      await this.one.giveBack();
    }
    throw new Error(`not settled: ${JSON.stringify([await this.open(), this.failures()])}`);
  }

  /** Of every booking and every charge since the beginning: what does not hold, in words. */
  async wrongs(): Promise<unknown> {
    const charges = await this.charges();
    const [{ deadlocks } = { deadlocks: -1 }] = await this.world.sql<{ deadlocks: number }>(DEADLOCKS);
    const invariants = await broken(this.world, charges);
    const outcomes = [...(await this.outcomes(charges)), ...this.bank.hanging()];
    return {
      ...invariants,
      ...(outcomes.length > 0 && { outcomes }),
      ...(deadlocks > 0 && { deadlocks }),
      ...(this.failures().length > 0 && { failures: this.failures() }),
    };
  }

  private failures(): string[] {
    return [...this.one.failures, ...this.other.failures].filter((error) => !isRefusal(error)).map(String);
  }

  private underWay(): Promise<{ id: string; fence: number }[]> {
    return this.world.sql(
      `select id, fence from booking b where state in ('paying', 'paid')
         and not exists (select from dead_letter d where d.booking_id = b.id and d.state = 'open')`,
    );
  }

  private open(): Promise<unknown[]> {
    return this.world.sql(
      `select b.id, b.state::text, b.offer_id from booking b join booking_line l on l.offer_id = b.offer_id
       where b.state in ('held', 'paying', 'paid') or b.state = 'waiting'
       union all
       select a.booking_id, 'attempt ' || a.state, a.provider_key from payment_attempt a where a.state = 'started'
       union all
       select r.booking_id, 'refund ' || r.state, r.provider_key from refund r where r.state <> 'succeeded'
       limit 10`,
    );
  }

  private async charges(): Promise<ProviderCharge[]> {
    const all: ProviderCharge[] = [];
    for await (const page of chargePages(this.one.provider)) all.push(...page);
    return all;
  }

  /** Each charge has exactly one outcome: it pays for one booking, or went back in full once, or never moved money. */
  private async outcomes(charges: readonly ProviderCharge[]): Promise<string[]> {
    const attempts = await this.attempts();
    const byKey = new Map(attempts.map((attempt) => [attempt.provider_key, attempt]));
    const captured = charges.filter(({ state }) => state === 'captured');
    const twice = captured.filter(({ key }, index) => captured.findIndex((one) => one.key === key) !== index);
    const paidBy = new Set(captured.filter(({ refundedMinor }) => refundedMinor === 0).map(({ key }) => key));
    return [
      ...twice.map(({ key }) => `charge ${key} was captured twice`),
      ...charges.flatMap((charge) => wrongOf(charge, byKey.get(charge.key))),
      ...attempts
        .filter(
          ({ attempt, provider_key: key }) => attempt === 'captured' && !captured.some((c) => c.key === key),
        )
        .map(({ provider_key: key }) => `charge ${key} is said to be captured, and was not`),
      ...(await this.paidFor())
        .filter(({ keys }) => keys.filter((key) => paidBy.has(key)).length !== 1)
        .map(({ id, keys }) => `booking ${id} is not paid for by exactly one charge of ${keys.join(', ')}`),
    ];
  }

  private attempts(): Promise<AttemptRow[]> {
    return this.world.sql<AttemptRow & Record<string, unknown>>(
      `select a.booking_id, a.provider_key, a.state as attempt, a.amount_minor::float as amount, b.state::text as booking,
         (select count(*) from refund r where r.provider_key = a.provider_key)::integer as refunds,
         (select coalesce(sum(r.amount_minor), 0) from refund r
          where r.provider_key = a.provider_key and r.state = 'succeeded')::float as given
       from payment_attempt a join booking b on b.id = a.booking_id`,
    );
  }

  private paidFor(): Promise<{ id: string; keys: string[] }[]> {
    return this.world.sql(
      `select b.id, array(select provider_key from payment_attempt a where a.booking_id = b.id) as keys
       from booking b where b.state in ('paid', 'confirmed')`,
    );
  }
}

function wrongOf(
  { key, state, amountMinor, refundedMinor }: ProviderCharge,
  row: AttemptRow | undefined,
): string[] {
  if (row === undefined) return [`charge ${key} is of no attempt of ours`];
  const { attempt, booking, refunds, given } = row;
  const pays = booking === 'paid' || booking === 'confirmed';
  const kept = refundedMinor === 0 && refunds === 0 && pays && attempt === 'captured';
  const back = refundedMinor === amountMinor && refunds === 1 && given === amountMinor;
  const never = refundedMinor === 0 && refunds === 0 && (attempt === 'declined' || attempt === 'voided');
  const isRight = state === 'captured' ? kept || back : never;
  if (isRight) return [];
  const told = `${refundedMinor} of ${amountMinor} went back by ${refunds} refunds`;
  return [`charge ${key} is ${state}, ${told}, its attempt is ${attempt} and its booking ${booking}`];
}
