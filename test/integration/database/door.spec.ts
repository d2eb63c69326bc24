import { Client } from 'pg';
import { DoorDatabase } from '../../../src/database/door-database.js';
import { createTestDatabase } from '../../support/database.js';

describe('The connections of the door', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let door: DoorDatabase;
  let other: Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    door = new DoorDatabase(database.url, () => undefined);
    other = new Client({ connectionString: database.url });
    await other.connect();
  });
  afterAll(async () => {
    await door.close();
    await other.end();
    await database.drop();
  });

  const pid = async (): Promise<number> => {
    const [row] = await door.call<{ pid: number }>(
      { name: 'pid', text: 'select pg_backend_pid() as pid' },
      [],
    );
    return row?.pid ?? 0;
  };

  it('are kept from call to call', async () => {
    const first = await pid();
    expect(await pid()).toBe(first);
    const both = await Promise.all([pid(), pid()]);
    expect(new Set(both).size).toBe(2);
    expect(both).toContain(first);
  });

  it('are replaced where they broke while nobody used them, at the next call already', async () => {
    const before = await Promise.all([pid(), pid(), pid()]);
    await other.query('select pg_terminate_backend(pid) from unnest($1::integer[]) as pid', [before]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const after = await Promise.all([pid(), pid(), pid()]);
    expect(after.filter((one) => before.includes(one))).toEqual([]);
  });

  it('survive a statement that the server refuses', async () => {
    const before = await pid();
    await expect(door.call({ name: 'wrong', text: 'select 1 / 0' }, [])).rejects.toThrow('division by zero');
    expect(await pid()).toBe(before);
  });

  it('are closed with the door, the busy ones too', async () => {
    const closing = new DoorDatabase(database.url, () => undefined);
    const slow = closing.call({ name: 'slow', text: 'select pg_sleep(0.3)' }, []);
    await closing.call({ name: 'one', text: 'select 1' }, []);
    await Promise.all([closing.close(), slow]);
    await expect(closing.call({ name: 'one', text: 'select 1' }, [])).rejects.toThrow();
  });
});
