import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { type EmbeddedPostgres, findEmbedded } from '../../../src/database/embedded/embedded-postgres.js';
import { ask, type Ground, newGround, startInProcess } from './support.js';

jest.setTimeout(60_000);

const isRoot = process.getuid?.() === 0;

describe('A new embedded database', () => {
  let ground: Ground;
  let dataDir: string;

  beforeEach(async () => {
    ground = await newGround();
    ({ dataDir } = ground);
  });
  afterEach(async () => {
    await ground.remove();
  });

  it.each([
    ['no environment at all', {}],
    ['a Latin locale', { LANG: 'de_DE.ISO-8859-1', LC_ALL: 'de_DE.ISO-8859-1', LC_MESSAGES: 'de_DE' }],
    ['the C locale', { LC_ALL: 'C' }],
    ['variables of another PostgreSQL', { PGDATA: '/nowhere', PGPORT: '1', PGUSER: 'nobody' }],
  ])('is UTF-8 with %s', async (_, env) => {
    const owner = await startInProcess(dataDir, env);
    const { url } = owner.started;
    expect(await ask(url, 'SHOW server_encoding')).toEqual(['UTF8']);
    expect(await ask(url, "SELECT 'Ünïcødé 🎫'")).toEqual(['Ünïcødé 🎫']);
    expect(await ask(url, 'SHOW fsync')).toEqual(['on']);
    await owner.stop();
  });

  it('does without the socket where its path is too long for one', async () => {
    const { url } = await ground.start(join(dataDir, 'far'.repeat(30)));
    expect(new URL(url).searchParams.has('host')).toBe(false);
    expect(await ask(url, 'SELECT 1')).toEqual(['1']);
  });

  it('is made although an earlier attempt was killed half way', async () => {
    const unfinished = join(dataDir, 'postgres/data.unfinished');
    await mkdir(unfinished, { recursive: true });
    await writeFile(join(unfinished, 'PG_VERSION'), '18\n');
    const { url } = await ground.start();
    expect(await ask(url, 'SELECT 1')).toEqual(['1']);
  });

  it('is refused in a folder that another major version made', async () => {
    const database = await ground.start();
    await database.stop();
    const file = join(database.folder, 'data/PG_VERSION');
    await writeFile(file, '17\n');
    await expect(ground.start()).rejects.toThrow('was made by PostgreSQL 17 and this is 18');
    await writeFile(file, '18\n');
  });

  it('does not take over a folder that holds something else', async () => {
    await mkdir(join(dataDir, 'postgres/data'), { recursive: true });
    await writeFile(join(dataDir, 'postgres/data/diary.txt'), 'mine');
    await expect(ground.start()).rejects.toThrow('holds files but no database');
    expect(await readFile(join(dataDir, 'postgres/data/diary.txt'), 'utf8')).toBe('mine');
  });
});

describe('An embedded database', () => {
  let ground: Ground;
  let database: EmbeddedPostgres;

  beforeAll(async () => {
    ground = await newGround();
    database = await ground.start();
  });
  afterAll(async () => {
    await ground.remove();
  });

  it('is PostgreSQL 18, durable, with room for many connections', async () => {
    const { url } = database;
    const setting = async (name: string): Promise<string> => (await ask(url, `SHOW ${name}`))[0] ?? '';
    expect(await setting('server_version')).toMatch(/^18\./);
    expect(await setting('fsync')).toBe('on');
    expect(await setting('synchronous_commit')).toBe('on');
    expect(await setting('full_page_writes')).toBe('on');
    expect(await setting('data_checksums')).toBe('on');
    expect(Number(await setting('max_connections'))).toBeGreaterThanOrEqual(200);
  });

  it('is reached by a local socket that lies where only its own user gets, and by TCP as well', async () => {
    const folder = join(database.folder, 'data');
    expect(new URL(database.url).searchParams.get('host')).toBe(folder);
    expect((await stat(folder)).mode & 0o077).toBe(0);
    expect(await ask(database.url, 'SELECT inet_server_addr() IS NULL')).toEqual(['true']);
    const byTcp = new URL(database.url);
    byTcp.searchParams.delete('host');
    expect(await ask(byTcp.href, 'SELECT host(inet_server_addr())')).toEqual(['127.0.0.1']);
  });

  it('listens on this machine alone, below the ports of outgoing connections, and asks for its password', async () => {
    const url = new URL(database.url);
    expect(Number(url.port)).toBeLessThan(32_768);
    expect(await ask(database.url, 'SHOW listen_addresses')).toEqual(['127.0.0.1']);
    const wrong = new URL(database.url);
    wrong.password = 'guessed';
    await expect(ask(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    for (const address of Object.values(networkInterfaces()).flat()) {
      if (address === undefined || address.internal || address.family !== 'IPv4') continue;
      const outside = new URL(database.url);
      outside.searchParams.delete('host');
      outside.hostname = address.address;
      await expect(ask(outside.href, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
    }
  });

  it('has a random password, which its owner alone can read', async () => {
    const file = join(database.folder, 'password');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const password = await readFile(file, 'utf8');
    expect(password.length).toBeGreaterThanOrEqual(24);
    expect(new URL(database.url).password).toBe(password);
  });

  it('keeps no statement and no row in its own log', async () => {
    const { url, folder } = database;
    await ask(url, 'CREATE TABLE customer (email text CHECK (length(email) < 5))');
    await expect(ask(url, "INSERT INTO customer VALUES ('ada@example.org')")).rejects.toThrow(
      'violates check',
    );
    expect(await readFile(join(folder, 'server.log'), 'utf8')).not.toContain('ada@example.org');
  });
});

describe('A data folder that others may not enter', () => {
  let ground: Ground;

  beforeEach(async () => {
    ground = await newGround(0o700);
  });
  afterEach(async () => {
    await ground.remove();
  });

  const name = isRoot
    ? 'sends the database of root to a folder that its user can enter, says so, and finds it again'
    : 'is where the database of an ordinary user is, without a word';
  it(name, async () => {
    const first = await ground.start();
    const inside = first.folder.startsWith(dirname(ground.dataDir));
    expect(inside).toBe(!isRoot);
    if (isRoot) expect(first.notice).toContain(first.folder);
    else expect(first.notice).toBeNull();
    await ask(first.url, "CREATE TABLE note AS SELECT 'kept' AS text");
    expect(await findEmbedded(ground.dataDir)).toBe(first.url);
    await first.stop();
    const second = await ground.start();
    expect([second.folder, second.notice]).toEqual([first.folder, first.notice]);
    expect(await ask(second.url, 'SELECT text FROM note')).toEqual(['kept']);
  });

  it('holds data that belong to a user without rights', async () => {
    const { folder } = await ground.start();
    expect((await stat(join(folder, 'data'))).uid).not.toBe(0);
  });
});
