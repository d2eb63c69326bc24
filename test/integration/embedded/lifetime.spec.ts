import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findEmbedded } from '../../../src/database/embedded/embedded-postgres.js';
import { ask, type Ground, newGround, type Owner, startInProcess } from './support.js';

jest.setTimeout(60_000);

describe('The embedded database of a data folder', () => {
  let ground: Ground;
  let dataDir: string;

  beforeEach(async () => {
    ground = await newGround();
    ({ dataDir } = ground);
  });
  afterEach(async () => {
    await ground.remove();
  });

  const postmasterOf = async (folder: string): Promise<number> =>
    Number.parseInt(await readFile(join(folder, 'data/postmaster.pid'), 'utf8'), 10);

  const keepNote = async (url: string): Promise<void> => {
    await ask(url, "CREATE TABLE note AS SELECT 'kept' AS text");
  };
  const notes = (url: string): Promise<string[]> => ask(url, 'SELECT text FROM note');

  it('keeps its content from one start to the next', async () => {
    const first = await ground.start();
    await keepNote(first.url);
    await first.stop();
    const second = await ground.start();
    expect(second.adopted).toBe(false);
    expect(second.folder).toBe(first.folder);
    expect(await notes(second.url)).toEqual(['kept']);
  });

  it('is found while it runs and not otherwise, and looking makes nothing', async () => {
    expect(await findEmbedded(dataDir)).toBeNull();
    await expect(stat(dataDir)).rejects.toThrow('ENOENT');
    const database = await ground.start();
    expect(await findEmbedded(dataDir)).toBe(database.url);
    await database.stop();
    expect(await findEmbedded(dataDir)).toBeNull();
  });

  it('can be stopped twice', async () => {
    const database = await ground.start();
    await Promise.all([database.stop(), database.stop()]);
    await database.stop();
    expect(await findEmbedded(dataDir)).toBeNull();
  });

  it('leaves nothing behind when it is discarded', async () => {
    const database = await ground.start();
    await database.discard();
    await expect(stat(database.folder)).rejects.toThrow('ENOENT');
  });

  it('is adopted while another process runs it, and an adopter that ends does not stop it', async () => {
    const owner = await startInProcess(dataDir);
    const adopter = await ground.start();
    expect(adopter.adopted).toBe(true);
    expect(adopter.url).toBe(owner.started.url);
    await adopter.stop();
    expect(await ask(owner.started.url, 'SELECT 1')).toEqual(['1']);
    await owner.stop();
    expect(await findEmbedded(dataDir)).toBeNull();
  });

  it('goes on for an adopter when the process that started it stops first, and ends with the last', async () => {
    const owner = await startInProcess(dataDir);
    const adopter = await ground.start();
    await owner.stop();
    expect(await ask(adopter.url, 'SELECT 1')).toEqual(['1']);
    await adopter.stop();
    expect(await findEmbedded(dataDir)).toBeNull();
  });

  it('is started by exactly one of several processes at the same moment', async () => {
    const owners = await Promise.all(Array.from({ length: 5 }, () => startInProcess(dataDir)));
    const of = <K extends keyof Owner['started']>(key: K): Owner['started'][K][] =>
      owners.map((owner) => owner.started[key]);
    expect(of('adopted').filter((adopted) => !adopted)).toHaveLength(1);
    expect(new Set(of('url')).size).toBe(1);
    await Promise.all(owners.map((owner) => owner.stop()));
    expect(await findEmbedded(dataDir)).toBeNull();
  });

  it('outlives the SIGKILL of its owner, is adopted by the next start, and stopped at its end', async () => {
    const owner = await startInProcess(dataDir);
    await keepNote(owner.started.url);
    await owner.kill();
    const next = await ground.start();
    expect(next.adopted).toBe(true);
    expect(await notes(next.url)).toEqual(['kept']);
    await next.stop();
    expect(await findEmbedded(dataDir)).toBeNull();
  });

  it('starts again after its server was killed, with what was committed', async () => {
    const owner = await startInProcess(dataDir);
    await keepNote(owner.started.url);
    process.kill(await postmasterOf(owner.started.folder), 'SIGKILL');
    await owner.kill();
    const next = await ground.start();
    expect(next.adopted).toBe(false);
    expect(await notes(next.url)).toEqual(['kept']);
  });

  it('waits for the sessions of a killed server instead of running beside them', async () => {
    const owner = await startInProcess(dataDir);
    const busy = ask(owner.started.url, 'SELECT count(*) FROM generate_series(1, 6000000)').catch(() => []);
    await sleep(100);
    process.kill(await postmasterOf(owner.started.folder), 'SIGKILL');
    await owner.kill();
    const next = await ground.start();
    expect(await ask(next.url, 'SELECT 1')).toEqual(['1']);
    await busy;
  });

  it('starts although the number of its dead server belongs to another program now', async () => {
    const first = await ground.start();
    const file = join(first.folder, 'data/postmaster.pid');
    const content = await readFile(file, 'utf8');
    await first.stop();
    const { uid, gid } = await stat(join(first.folder, 'data'));
    const stranger = spawn('sleep', ['60'], { uid, gid, stdio: 'ignore' });
    try {
      const left = content.replace(/^\d+/, String(stranger.pid));
      await writeFile(file, left);
      await writeFile(join(first.folder, `data/.s.PGSQL.${left.split('\n')[3] ?? ''}.lock`), left);
      const second = await ground.start();
      expect(second.adopted).toBe(false);
      expect(await ask(second.url, 'SELECT 1')).toEqual(['1']);
      expect(stranger.exitCode).toBeNull();
    } finally {
      stranger.kill('SIGKILL');
      await once(stranger, 'exit');
    }
  });

  it('starts although a process was killed while it held the lock', async () => {
    const owner = await startInProcess(dataDir);
    await owner.stop();
    const killed = startInProcess(dataDir).then((other) => other.kill());
    await killed;
    const next = await ground.start();
    expect(await ask(next.url, 'SELECT 1')).toEqual(['1']);
  });
});
