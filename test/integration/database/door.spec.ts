import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { DoorDatabase } from '../../../src/database/door-database.js';
import { createTestDatabase } from '../../support/database.js';
import { openWire } from '../../support/wire.js';

describe('The connections of the door', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let door: DoorDatabase;
  let other: Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    other = new Client({ connectionString: database.url });
    await other.connect();
  });
  beforeEach(() => {
    door = new DoorDatabase(database.url, () => undefined);
  });
  afterEach(() => door.close());
  afterAll(async () => {
    await other.end();
    await database.drop();
  });

  const pid = async (name = 'pid'): Promise<number> => {
    const [row] = await door.call<{ pid: number }>({ name, text: 'select pg_backend_pid() as pid' }, []);
    return row?.pid ?? 0;
  };
  const pids = () => Promise.all([pid('tickets'), pid('stays'), pid('tickets'), pid('stays')]);
  const end = (backends: readonly number[]) =>
    other.query('select pg_terminate_backend(pid) from unnest($1::integer[]) as pid', [backends]);

  it('are kept from call to call, one for each statement', async () => {
    const [tickets, stays] = [await pid('tickets'), await pid('stays')];
    expect(tickets).not.toBe(stays);
    expect(await pids()).toEqual([tickets, stays, tickets, stays]);
  });

  it('take calls of one statement in the order in which they came', async () => {
    await other.query('create table seen (number integer, at timestamptz unique)');
    const note = { name: 'note', text: 'insert into seen select $1::integer, now() from pg_sleep($2)' };
    const done: number[] = [];
    const see = (number: number, seconds: number) =>
      door.call(note, [number, seconds]).then(() => done.push(number));
    await see(0, 0);
    await Promise.all([see(1, 0.3), see(2, 0), see(3, 0)]);
    expect(done).toEqual([0, 1, 2, 3]);
    const { rows } = await other.query<{ number: number }>('select number from seen order by at');
    expect(rows.map(({ number }) => number)).toEqual([0, 1, 2, 3]);
  });

  it('keep what one call did where another, sent behind it, is refused, and the other way round', async () => {
    await other.query('create table kept (number integer primary key)');
    const keep = { name: 'keep', text: 'insert into kept values ($1)' };
    const calls = [1, 1, 2, 2, 3].map((number) => door.call(keep, [number]));
    const answers = await Promise.allSettled(calls);
    expect(answers.map(({ status }) => status === 'fulfilled')).toEqual([true, false, true, false, true]);
    expect((await other.query('select number from kept order by number')).rows).toEqual([
      { number: 1 },
      { number: 2 },
      { number: 3 },
    ]);
  });

  it('are replaced where they broke while nobody used them, at the next call already', async () => {
    const before = await pids();
    await end(before);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const after = await pids();
    expect(after.filter((one) => before.includes(one))).toEqual([]);
    expect(await pids()).toEqual(after);
  });

  it('are replaced where they broke at work: each of their calls is told so, and the next finds another', async () => {
    const slow = { name: 'slow', text: 'select pg_backend_pid() as pid from pg_sleep($1)' };
    const who = async (seconds: number) => (await door.call<{ pid: number }>(slow, [seconds]))[0]?.pid ?? 0;
    const before = await who(0);
    const told = Promise.allSettled([who(1), who(1), who(0)]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await end([before]);
    expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await who(0)).not.toBe(before);
  });

  it('are had again once the server takes connections, though it refused one', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const admin = new Client({ connectionString: process.env['DATABASE_URL'] });
    await admin.connect();
    const takes = (connections: boolean) =>
      admin.query(`alter database "${name}" with allow_connections ${connections}`);
    await takes(false);
    await expect(pid()).rejects.toThrow('not currently accepting connections');
    await takes(true);
    await admin.end();
    expect(await pid()).toBeGreaterThan(0);
  });

  it('are at nothing any more that was sent before they broke, once another has taken their place', async () => {
    const wire = await openWire(database.url);
    const cut = new DoorDatabase(wire.url, () => undefined);
    await other.query(`create table line (id text primary key); insert into line values ('x'), ('y');
      create table entered (who text);
      create function enter_line(p_line text, p_who text) returns void language plpgsql as $$ begin
        perform from line where id = p_line for update;
        insert into entered values (p_who);
      end $$`);
    const enter = (line: string, who: string) =>
      cut.call({ name: 'enter', text: 'select enter_line($1, $2)' }, [line, who]);
    await enter('y', 'the first');
    await other.query(`begin; select from line where id = 'x' for update`);
    const told = Promise.allSettled([enter('x', 'who waited'), enter('y', 'who was behind')]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // The server does not hear of it.
    wire.cut();
    expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await enter('y', 'the last');
    await other.query('commit');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await other.query('select who from entered')).rows).toEqual([
      { who: 'the first' },
      { who: 'the last' },
    ]);
    await cut.close();
    await wire.close();
  });

  it('wait for what was sent before they broke, where their role may not end it', async () => {
    const role = `plain_${randomUUID().replaceAll('-', '')}`;
    await other.query(`revoke execute on function pg_terminate_backend(integer, bigint) from public;
      create role ${role} login password 'plain'`);
    const plain = new URL(database.url);
    Object.assign(plain, { username: role, password: 'plain' });
    const wire = await openWire(plain.href);
    const cut = new DoorDatabase(wire.url, () => undefined);
    const who = async (): Promise<number> => {
      const [row] = await cut.call<{ pid: number }>(
        { name: 'who', text: 'select pg_backend_pid() as pid' },
        [],
      );
      return row?.pid ?? 0;
    };
    const before = await who();
    wire.cut();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(who()).rejects.toMatchObject({ code: '08006' });
    await expect(who()).rejects.toMatchObject({ code: '08006' });
    await end([before]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await who()).not.toBe(before);
    await cut.close();
    await wire.close();
    await other.query(`drop role ${role}`);
  });

  it('survive a statement that the server refuses', async () => {
    const wrong = { name: 'wrong', text: 'select pg_backend_pid() as pid, 1 / $1::integer as over' };
    const before = await door.call(wrong, [1]);
    await expect(door.call(wrong, [0])).rejects.toThrow('division by zero');
    expect(await door.call(wrong, [1])).toEqual(before);
  });

  it('are closed with the door, the busy ones too', async () => {
    const closing = new DoorDatabase(database.url, () => undefined);
    const slow = closing.call({ name: 'slow', text: 'select pg_sleep(0.3)' }, []);
    await closing.call({ name: 'one', text: 'select 1' }, []);
    await Promise.all([closing.close(), slow]);
    await expect(closing.call({ name: 'one', text: 'select 1' }, [])).rejects.toThrow();
  });
});
