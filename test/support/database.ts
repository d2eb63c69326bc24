import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

export interface TestDatabase {
  readonly url: string;
  /** Ends every connection to it and deletes it. Idempotent. */
  drop(): Promise<void>;
}

/**
 * A database of its own, empty, on the PostgreSQL that `DATABASE_URL` names, or on another. The caller drops it.
 * @throws Error where `npm test` did not set the variable.
 */
export async function createTestDatabase(server?: string): Promise<TestDatabase> {
  const admin = server ?? adminUrl();
  const name = `fairline_test_${randomBytes(8).toString('hex')}`;
  await administer(admin, `CREATE DATABASE ${name}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

function adminUrl(): string {
  const url = process.env['DATABASE_URL'];
  if (url === undefined || url === '') {
    throw new Error(
      'DATABASE_URL is not set: run `npm test -- --testPathPatterns <part of the path>`, which starts a PostgreSQL, ' +
        'or `eval "$(npm run -s services -- up redis)"` before jest',
    );
  }
  return url;
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
