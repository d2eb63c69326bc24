import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { describeWithKafka } from '../../support/kafka.js';
import { describeWithRedis } from '../../support/redis.js';
import { describeWithStripeMock } from '../../support/stripe-mock.js';

jest.setTimeout(120_000);

interface Ending {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe('npm run services', () => {
  let folder: string;
  let state: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairline-services-spec-'));
    state = join(folder, 'state.json');
  });
  afterEach(async () => {
    await services(['down', '--state', state]);
    await rm(folder, { recursive: true, force: true });
  });

  /** The command with temporary files below the test's own folder, and no variable that names a service but those given. */
  async function services(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ending> {
    const brokers = ['REDIS_URL', 'REDIS_AOF_URL', 'KAFKA_BOOTSTRAP_SERVERS'];
    const variables = ['DATABASE_URL', ...brokers, 'STRIPE_MOCK_URL'];
    const names = [...variables, 'REQUIRE_SERVICES', 'FAIRLINE_SERVICES'];
    const inherited = Object.entries(process.env).filter(([name]) => !names.includes(name));
    const child = spawn(process.execPath, [resolve('scripts/services.mjs'), ...args], {
      env: { ...Object.fromEntries(inherited), TMPDIR: folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    await once(child, 'close');
    return { code: child.exitCode ?? -1, out, err };
  }

  async function listener(): Promise<{ server: Server; port: number }> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { server, port: address.port };
  }

  it('brings up a PostgreSQL of its own, tells of it, and takes it down with everything it made', async () => {
    const up = await services(['up', '--state', state]);
    expect(up.err).toContain('postgres: started');
    const url = /^export DATABASE_URL='(.+)'$/m.exec(up.out)?.[1] ?? '';
    const client = new Client({ connectionString: url });
    await client.connect();
    expect((await client.query('SHOW server_encoding')).rows).toEqual([{ server_encoding: 'UTF8' }]);
    await client.end();
    expect((await services(['status', '--state', state])).out).toMatch(/postgres: up at/);
    expect((await stat(state)).mode & 0o777).toBe(0o600);

    expect((await services(['down', '--state', state])).code).toBe(0);
    await expect(new Client({ connectionString: url }).connect()).rejects.toThrow();
    expect(await readdir(folder)).toEqual([]);
  });

  it('uses what the environment names as it is, and leaves it alone', async () => {
    const { server, port } = await listener();
    const env = { DATABASE_URL: `postgres://me@127.0.0.1:${port}/x`, REDIS_URL: `redis://127.0.0.1:${port}` };
    const up = await services(['up', 'redis', '--state', state], env);
    expect(up.code).toBe(0);
    expect(up.out).toContain(`export DATABASE_URL='${env.DATABASE_URL}'`);
    expect(up.out).toContain(`export REDIS_URL='${env.REDIS_URL}'`);
    await services(['down', '--state', state]);
    expect(server.listening).toBe(true);
    server.close();
  });

  it('says what is skipped and why, and fails instead where it is required', async () => {
    const { server, port } = await listener();
    const gone = await listener();
    gone.server.close();
    const env = {
      DATABASE_URL: `postgres://me@127.0.0.1:${port}/x`,
      REDIS_URL: `redis://127.0.0.1:${gone.port}`,
    };
    const skipped = await services(['up', 'redis', '--state', state], env);
    expect(skipped.code).toBe(0);
    expect(skipped.err).toMatch(/^SKIPPED redis: nothing answers at REDIS_URL; or set REDIS_URL/m);
    expect(skipped.out).not.toContain('REDIS_URL');
    await services(['down', '--state', state]);

    const required = await services(['up', 'redis', '--state', state], { ...env, REQUIRE_SERVICES: 'redis' });
    expect(required.code).toBe(1);
    expect(await readdir(folder)).toEqual([]);
    server.close();
  });

  it('names the services there are when asked for another', async () => {
    const { code, err } = await services(['up', 'oracle']);
    expect(code).toBe(2);
    expect(err).toContain('There is no service oracle');
  });

  describeWithRedis('with a real Redis', () => {
    it('starts one of its own and stops it', async () => {
      const { server, port } = await listener();
      const env = { DATABASE_URL: `postgres://me@127.0.0.1:${port}/x` };
      const up = await services(['up', 'redis', '--state', state], env);
      expect(up.out).toMatch(/^export REDIS_URL='redis:\/\/127\.0\.0\.1:\d+'$/m);
      expect((await services(['status', '--state', state])).out).toMatch(/redis: up at/);
      await services(['down', '--state', state]);
      expect(await readdir(folder)).toEqual([]);
      server.close();
    });

    it('starts one that keeps nothing and one that writes everything down', async () => {
      const { server, port } = await listener();
      const env = { DATABASE_URL: `postgres://me@127.0.0.1:${port}/x` };
      const up = await services(['up', 'redis', 'redis-aof', '--state', state], env);
      const url = (name: string): string =>
        new RegExp(`^export ${name}='(.+)'$`, 'm').exec(up.out)?.[1] ?? '';
      expect(await persistence(url('REDIS_URL'))).toEqual({ save: '', appendonly: 'no' });
      expect(await persistence(url('REDIS_AOF_URL'))).toEqual({
        save: '',
        appendonly: 'yes',
        appendfsync: 'always',
      });
      await services(['down', '--state', state]);
      expect(await readdir(folder)).toEqual([]);
      server.close();
    });
  });

  describeWithStripeMock('with a real stripe-mock', () => {
    it('starts one of its own beside that of another run, and stops it', async () => {
      const { server, port } = await listener();
      const env = { DATABASE_URL: `postgres://me@127.0.0.1:${port}/x` };
      const up = await services(['up', 'stripe-mock', '--state', state], env);
      expect(up.out).toMatch(/^export STRIPE_MOCK_URL='http:\/\/127\.0\.0\.1:\d+'$/m);
      expect((await services(['status', '--state', state])).out).toMatch(/stripe-mock: up at/);
      await services(['down', '--state', state]);
      expect(await readdir(folder)).toEqual([]);
      server.close();
    });
  });

  describeWithKafka('with a real Kafka', () => {
    it('starts one of its own and stops it', async () => {
      const { server, port } = await listener();
      const env = { DATABASE_URL: `postgres://me@127.0.0.1:${port}/x` };
      const up = await services(['up', 'kafka', '--state', state], env);
      expect(up.out).toMatch(/^export KAFKA_BOOTSTRAP_SERVERS='127\.0\.0\.1:\d+'$/m);
      expect((await services(['status', '--state', state])).out).toMatch(/kafka: up at/);
      await services(['down', '--state', state]);
      expect(await readdir(folder)).toEqual([]);
      server.close();
    });

    it('uses the one that the environment names, and says where none answers', async () => {
      const { server, port } = await listener();
      const gone = await listener();
      gone.server.close();
      const env = { DATABASE_URL: `postgres://me@127.0.0.1:${port}/x` };
      const servers = `127.0.0.1:${gone.port},127.0.0.1:${port}`;
      const up = await services(['up', 'kafka', '--state', state], {
        ...env,
        KAFKA_BOOTSTRAP_SERVERS: servers,
      });
      expect(up.out).toContain(`export KAFKA_BOOTSTRAP_SERVERS='${servers}'`);
      await services(['down', '--state', state]);
      const away = { ...env, KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${gone.port}` };
      const skipped = await services(['up', 'kafka', '--state', state], away);
      expect(skipped.err).toMatch(/^SKIPPED kafka: nothing answers at KAFKA_BOOTSTRAP_SERVERS; or set/m);
      server.close();
    });
  });
});

/** How a Redis writes down what it holds. */
async function persistence(url: string): Promise<Record<string, string>> {
  const redis = new Redis(url);
  const read = async (name: string): Promise<string> => {
    const [, value] = (await redis.config('GET', name)) as [string, string];
    return value;
  };
  const [save, appendonly, appendfsync] = [
    await read('save'),
    await read('appendonly'),
    await read('appendfsync'),
  ];
  await redis.quit();
  return { save, appendonly, ...(appendonly === 'yes' && { appendfsync }) };
}
