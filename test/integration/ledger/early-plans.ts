import { Database } from '../../../src/database/database.js';
import { Ledger } from '../../../src/booking/ledger/ledger.js';
import { ACTOR, openLedger, ticketsOf, type TestLedger } from '../../support/ledger.js';

/**
 * Rows that any verb may read besides those that it is about: lines, offers, what it has just written, and versions that
 * were replaced. These stay until no transaction may see them, of another database either: a test beside this one that
 * holds one makes the difference of some hundred. A grown line has thousands.
 */
const FEW = 1000;
const PER_ITEM = 8;

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

  /**
   * Where work that is about so many items made the server read more rows and index entries than it may: how many in all,
   * then each table and index that was read, most first. Empty where it read few.
   */
  async readTooMuch(items: number, work: () => Promise<unknown>): Promise<string[]> {
    await this.othersTold();
    const before = await this.read();
    await work();
    const after = [...(await this.read())]
      .map(([where, read]) => ({ where, read: read - (before.get(where) ?? 0) }))
      .filter(({ read }) => read > 0)
      .sort((a, b) => b.read - a.read);
    const total = after.reduce((sum, { read }) => sum + read, 0);
    const may = FEW + PER_ITEM * items;
    return total < may
      ? []
      : [`${total} instead of ${may}`, ...after.map(({ where, read }) => `${where} ${read}`)];
  }

  /** What other connections read before is counted before: a server adds it up when they have rested for a while. */
  private async othersTold(): Promise<void> {
    const flush = 'select pg_stat_force_next_flush(), pg_sleep(0.02)';
    await Promise.all([
      ...[1, 2].map(() => this.world.sql(flush)),
      this.world.db.call({ name: 'flush others', text: flush }, []),
    ]);
  }

  private async read(): Promise<Map<string, number>> {
    await this.database.call({ name: 'flush', text: 'select pg_stat_force_next_flush()' }, []);
    await this.database.call({ name: 'nothing', text: 'select 1' }, []);
    const rows = await this.world.sql<{ where: string; read: string }>(
      `select relname::text as where, seq_tup_read as read from pg_stat_user_tables
       union all select indexrelname::text, idx_tup_read from pg_stat_user_indexes`,
    );
    return new Map(rows.map(({ where, read }) => [where, Number(read)]));
  }
}
