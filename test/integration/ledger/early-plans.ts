import { Database } from '../../../src/database/database.js';
import { Ledger } from '../../../src/booking/ledger/ledger.js';
import { ACTOR, openLedger, ticketsOf, type TestLedger } from '../../support/ledger.js';

/** Rows that any verb may read besides those that it is about: lines, offers, what it has just written. */
const FEW = 200;
const PER_ITEM = 8;

/** What a verb may read that is about so many items. */
export const fewFor = (items: number): number => FEW + PER_ITEM * items;

/**
 * A ledger on one connection, which makes its plans by the first call of each verb: on tables that were analysed while
 * they were empty, and are not analysed again.
 */
export class EarlyPlans {
  private constructor(
    readonly world: TestLedger,
    private readonly database: Database,
    readonly ledger: Ledger,
  ) {}

  static async open(): Promise<EarlyPlans> {
    const world = await openLedger();
    const tables = await world.sql<{ name: string }>(
      `select table_name::text as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    for (const { name } of tables) await world.sql(`alter table ${name} set (autovacuum_enabled = false)`);
    await world.sql('truncate audit_event');
    await world.sql('analyze');
    const database = new Database(world.url, 1);
    return new EarlyPlans(world, database, new Ledger(database));
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.world.close();
  }

  /** Carries a hold from its payment to its ticket. */
  async fulfil(bookingId: string): Promise<void> {
    const { ledger } = this;
    await ledger.pay(bookingId, 'pm_ok', null, ACTOR);
    await ledger.beginFulfilment(bookingId, 60_000);
    await ledger.recordStep(bookingId, 'validate', 0, null, ACTOR);
    await ledger.sendAttempt(bookingId, 2);
    await ledger.recordCharge(bookingId, 2, { kind: 'captured' }, ACTOR);
    await ledger.recordDocument(bookingId, ticketsOf(bookingId, 1), Buffer.from('%PDF'), ACTOR);
    await ledger.recordStep(bookingId, 'email', 80, null, ACTOR);
    await ledger.keepFulfilments([bookingId], 60_000);
    await ledger.confirm(bookingId, ACTOR);
  }

  /** Rows and index entries that this work made the server read. */
  async readBy(work: () => Promise<unknown>): Promise<number> {
    await this.othersTold();
    const before = await this.total();
    await work();
    return (await this.total()) - before;
  }

  /** What other connections read before is counted before: a server adds it up when they have rested for a while. */
  private async othersTold(): Promise<void> {
    const flush = 'select pg_stat_force_next_flush(), pg_sleep(0.02)';
    await Promise.all([
      ...[1, 2].map(() => this.world.sql(flush)),
      this.world.db.call({ name: 'flush others', text: flush }, []),
    ]);
  }

  private async total(): Promise<number> {
    await this.database.call({ name: 'flush', text: 'select pg_stat_force_next_flush()' }, []);
    await this.database.call({ name: 'nothing', text: 'select 1' }, []);
    const [row] = await this.world.sql<{ read: string }>(
      `select (select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables)
         + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes) as read`,
    );
    return Number(row?.read);
  }
}
