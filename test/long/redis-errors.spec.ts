import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { RedisSettings } from '../../src/config/redis.js';
import { freePort } from '../../src/database/embedded/free-port.js';
import type { JobQueue } from '../../src/queue/job-queue.js';
import { QueueModule, type QueueSettings } from '../../src/queue/queue.module.js';
import { redisAt } from '../support/redis-at.js';
import { Bench, fulfil, until } from '../conformance/bench.js';
import { hasRedisServer } from '../conformance/own-redis.js';
import { RedisServers } from '../conformance/redis/servers.js';

const missing = hasRedisServer() ? null : 'there is no redis-server on this machine';
if (missing !== null) process.stderr.write(`SKIPPED what is wrong with a Redis: ${missing}\n`);
const describeRedis = missing === null ? describe : describe.skip;

describeRedis.each(['streams', 'bullmq'] as const)('What is wrong with a Redis, told by %s', (type) => {
  let servers: RedisServers;
  let bench: Bench | null = null;
  beforeEach(async () => {
    servers = await RedisServers.make();
  });
  afterEach(async () => {
    await bench?.close();
    await servers.stop();
  });

  const settingsOf = (redis: RedisSettings): Omit<QueueSettings, 'name'> => ({
    ...{ type, redis, kafka: null, databaseUrl: 'postgres://127.0.0.1:1/not-used' },
  });

  async function openOn(redis: RedisSettings): Promise<JobQueue> {
    const progressOf = (): Promise<null> => Promise.resolve(null);
    bench = new Bench({ settings: settingsOf(redis), progressOf, stop: () => Promise.resolve() });
    return (await bench.open()).queue;
  }

  /** The code with which a start is refused, soon. */
  async function refusal(redis: RedisSettings): Promise<string> {
    const began = Date.now();
    const useFactory = (): QueueSettings => ({ ...settingsOf(redis), name: 'refused' });
    const error: unknown = await NestFactory.createApplicationContext(
      QueueModule.forRootAsync({ inject: [], useFactory }),
      { logger: false, abortOnError: false },
    ).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(Date.now() - began).toBeLessThan(12_000);
    expect(String(error)).not.toContain('sesame');
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }

  it('says at the start that nothing answers', async () => {
    expect(await refusal(redisAt(`redis://127.0.0.1:${await freePort()}`))).toBe('BROKER_UNREACHABLE');
  });

  it('says at the start that no sentinel answers', async () => {
    const nodes = [{ host: '127.0.0.1', port: await freePort() }];
    const redis: RedisSettings = {
      ...redisAt('redis://127.0.0.1:1'),
      kind: 'sentinel',
      nodes,
      sentinelName: 'x',
    };
    expect(await refusal(redis)).toBe('BROKER_UNREACHABLE');
  });

  it.each([
    ['a wrong password', ':wrong@'],
    ['no password', ''],
  ])('says at the start that %s is refused', async (_what, credentials) => {
    const { port } = await servers.start({ requirepass: 'open sesame' }, { password: 'open sesame' });
    expect(await refusal(redisAt(`redis://${credentials}127.0.0.1:${port}`))).toBe(
      'BROKER_AUTHENTICATION_FAILED',
    );
  });

  it('says at the start that a right is missing', async () => {
    const server = await servers.start();
    await server
      .client()
      .call('ACL', 'SETUSER', 'reader', 'on', '>sesame', '~*', '+@read', '+@connection', '+info');
    expect(await refusal(redisAt(`redis://reader:sesame@127.0.0.1:${server.port}`))).toBe(
      'BROKER_NOT_AUTHORIZED',
    );
  });

  it.each(['eval', 'evalsha'])('says at the start that the right to %s is missing', async (command) => {
    const server = await servers.start();
    await server.client().call('ACL', 'SETUSER', 'mute', 'on', '>sesame', '~*', '+@all', `-${command}`);
    expect(await refusal(redisAt(`redis://mute:sesame@127.0.0.1:${server.port}`))).toBe(
      'BROKER_NOT_AUTHORIZED',
    );
  });

  it('says at the start that keys with a time to live would be evicted, where a job hangs on one', async () => {
    const { port } = await servers.start({ maxmemory: '100mb', 'maxmemory-policy': 'volatile-lru' });
    const redis = redisAt(`redis://127.0.0.1:${port}`);
    // BullMQ's locks of running jobs have one
    if (type === 'bullmq') expect(await refusal(redis)).toBe('BROKER_EVICTS');
    else await openOn(redis);
  });

  // BullMQ is not for clusters
  if (type === 'streams') {
    it('says at the start that a node of a cluster has a certificate of another name', async () => {
      const tls = await servers.certificate('DNS:elsewhere');
      const [node] = await servers.startCluster(tls);
      const nodes = [{ host: 'localhost', port: node?.port ?? 0 }];
      expect(await refusal({ ...redisAt('rediss://127.0.0.1:1'), kind: 'cluster', nodes, tls })).toBe(
        'BROKER_TLS_FAILED',
      );
    });
  }

  it('says by a code, whatever it is asked, that the server is gone', async () => {
    const server = await servers.start();
    const queue = await openOn(redisAt(`redis://127.0.0.1:${server.port}`));
    await server.kill();
    const asked = [
      queue.publish([fulfil('refused')]),
      queue.counts(),
      queue.figures(),
      queue.pause(),
      queue.resume(),
      queue.deadLetters.list(1),
      queue.deadLetters.remove('nobody'),
      queue.ping(),
    ];
    for (const result of await Promise.allSettled(asked)) {
      expect(result).toMatchObject({ reason: { name: 'BrokerError', code: 'BROKER_UNREACHABLE' } });
    }
  });

  it('says at the start that keys would be evicted', async () => {
    const { port } = await servers.start({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' });
    expect(await refusal(redisAt(`redis://127.0.0.1:${port}`))).toBe('BROKER_EVICTS');
  });

  it('says at the start that the certificate is not trusted', async () => {
    const tls = await servers.certificate();
    const { port } = await servers.startTls(tls);
    const redis = { ...redisAt(`rediss://127.0.0.1:${port}`), tls: { ...tls, caFile: null } };
    expect(await refusal(redis)).toBe('BROKER_TLS_FAILED');
  });

  it('says that memory is used up, and goes on when there is some', async () => {
    const server = await servers.start({ 'maxmemory-policy': 'noeviction' });
    const queue = await openOn(redisAt(`redis://127.0.0.1:${server.port}`));
    const client = server.client();
    await client.config('SET', 'maxmemory', '1mb');
    await expect(queue.ping()).rejects.toMatchObject({ code: 'BROKER_FULL' });
    await expect(queue.publish([fulfil('refused')])).rejects.toThrow();
    await client.config('SET', 'maxmemory', '0');
    await queue.ping();
    await queue.publish([fulfil('taken')]);
  });

  it('says within seconds that a server does not answer any more, and finds it again', async () => {
    const server = await servers.start();
    const queue = await openOn(redisAt(`redis://127.0.0.1:${server.port}`));
    await server.client().call('CLIENT', 'PAUSE', '7000', 'ALL');
    const began = Date.now();
    await expect(queue.ping()).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
    expect(Date.now() - began).toBeLessThan(8000);
    await sleep(1000);
    await until('it answers again', () =>
      queue.ping().then(
        () => true,
        () => false,
      ),
    );
  });
});
