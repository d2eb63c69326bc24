import type { Client } from 'pg';

/**
 * Every row of one database in another with the same tables, and its sequences where they were: what a dump and its
 * restoration do, in a transaction for each table, on whatever server. What was there before is gone.
 */
export async function copyRows(from: Client, to: Client): Promise<void> {
  const { rows: tables } = await from.query<{ name: string }>(
    `select quote_ident(table_name) as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'schema_migration'`,
  );
  // As a restoration does: references are there when all is.
  await to.query('set session_replication_role = replica');
  for (const { name } of tables) {
    const { rows } = await from.query<{ all: string }>(
      `select coalesce(jsonb_agg(t), '[]')::text as all from ${name} t`,
    );
    await to.query('begin');
    await to.query(`delete from ${name}`);
    await to.query(
      `insert into ${name} overriding system value select * from jsonb_populate_recordset(null::${name}, $1)`,
      [rows[0]?.all],
    );
    await to.query('commit');
  }
  await to.query(
    `select setval(pg_get_serial_sequence('audit_event', 'id'), (select max(id) from audit_event)) from audit_event limit 1`,
  );
}
