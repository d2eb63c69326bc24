import { Kysely, Migrator, PostgresDialect, sql } from 'kysely';
import { Pool } from 'pg';
import { MIGRATIONS, REVISION } from './migrations/index.js';
import type { Routines } from './routines.js';

/** Guards the routines against two processes that start at once; any fixed number does. */
const ROUTINES_LOCK = 7_041_776;

/** Brings a database up to date: versioned tables once each, then the routines. */
export async function bringUpToDate(url: string, routines: Routines): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 2, application_name: 'fairline-migrate' });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({
      db,
      migrationTableName: 'schema_migration',
      migrationLockTableName: 'schema_migration_lock',
      provider: {
        getMigrations: () =>
          Promise.resolve(
            Object.fromEntries(
              Object.entries(MIGRATIONS).map(([name, text]) => [
                name,
                { up: async (tx: Kysely<unknown>) => void (await sql.raw(text).execute(tx)) },
              ]),
            ),
          ),
      },
    });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined)
      throw error instanceof Error ? error : new Error('the migration failed', { cause: error });
    await applyRoutines(db, routines);
  } finally {
    await db.destroy();
  }
}

async function applyRoutines(db: Kysely<unknown>, { text, digest }: Routines): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${ROUTINES_LOCK})`.execute(tx);
    const { rows } = await sql<{ value: string }>`select value from setting where name = 'routines'`.execute(
      tx,
    );
    const newest = await sql<{ value: string }>`select value from setting where name = 'revision'`.execute(
      tx,
    );
    if (rows[0]?.value === digest || Number(newest.rows[0]?.value ?? 0) > REVISION) return;
    await sql.raw(text).execute(tx);
    await sql`insert into setting (name, value) values ('routines', ${digest})
      on conflict (name) do update set value = excluded.value`.execute(tx);
    await sql`insert into setting (name, value) values ('revision', ${String(REVISION)})
      on conflict (name) do update set value = excluded.value`.execute(tx);
  });
}
