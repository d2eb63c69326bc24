import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { Database } from '../../../src/database/database.js';
import { Settings, StoredSecret } from '../../../src/database/settings.js';

const admin = process.env['DATABASE_URL'] ?? '';
const name = `fairline_secret_${randomBytes(6).toString('hex')}`;
const url = new URL(admin);
url.pathname = `/${name}`;

const asAdmin = async (statement: string): Promise<void> => {
  const client = new Client({ connectionString: admin });
  await client.connect();
  await client.query(statement).finally(async () => {
    await client.end();
  });
};

describe('the stored secret of tokens', () => {
  const databases = Array.from({ length: 4 }, () => new Database(url.href, 2));

  beforeAll(async () => {
    await asAdmin(`create database ${name}`);
    await databases[0]?.call(
      { name: 'table', text: 'create table setting (name text primary key, value text not null)' },
      [],
    );
  });
  afterAll(async () => {
    await Promise.all(
      databases.map(async (database) => {
        await database.close();
      }),
    );
    await asAdmin(`drop database if exists ${name} with (force)`);
  });

  it('is made once, also where many processes start at the same moment', async () => {
    const secrets = await Promise.all(
      databases.map(async (database) =>
        Buffer.from(await new StoredSecret(new Settings(database)).secret()).toString('hex'),
      ),
    );
    expect(secrets[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(secrets).size).toBe(1);
  });

  it('is the same after a restart', async () => {
    const [one, other] = databases.map((database) => new StoredSecret(new Settings(database)));
    expect(await one?.secret()).toEqual(await other?.secret());
  });
});
