import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { sqlState } from './database.js';
import { MIGRATIONS, REVISION } from './migrations/index.js';

/**
 * Brings a database up to date: versioned tables once each, then the routines whenever their text has changed.
 * Safe when several processes start at the same moment. Where there is nothing to do, one look is all it costs.
 */
export async function migrate(url: string, routines: readonly string[]): Promise<void> {
  const text = routines.join('\n');
  const digest = createHash('sha256').update(text).digest('hex');
  if (await isUpToDate(url, digest)) return;
  const { bringUpToDate } = await import('./migrator.js');
  await bringUpToDate(url, { text, digest });
}

const UNDEFINED_TABLE = '42P01';

async function isUpToDate(url: string, digest: string): Promise<boolean> {
  const client = new Client({ connectionString: url, application_name: 'fairline-migrate' });
  await client.connect();
  try {
    const { rows } = await client.query<{ migrations: string[]; digest: string | null; revision: number }>(
      `select array(select name::text from schema_migration) as migrations,
         (select value from setting where name = 'routines') as digest,
         coalesce((select value::integer from setting where name = 'revision'), 0) as revision`,
    );
    if (rows[0] !== undefined && rows[0].revision > REVISION) return true;
    const applied = new Set(rows[0]?.migrations);
    return rows[0]?.digest === digest && Object.keys(MIGRATIONS).every((name) => applied.has(name));
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return false;
    throw error;
  } finally {
    await client.end();
  }
}
