import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisSettings } from '../../../src/config/redis.js';
import { PermanentFailure } from '../../../src/queue/job-queue.js';
import { redisAt } from '../../support/redis-at.js';
import { Bench, fulfil, fulfils, Log, until } from '../bench.js';
import { hasRedisServer } from '../own-redis.js';
import { RedisServers } from './servers.js';

const missing = hasRedisServer() ? null : 'there is no redis-server on this machine';
if (missing !== null) process.stderr.write(`SKIPPED Redis in every shape: ${missing}\n`);
const describeShapes = missing === null ? describe : describe.skip;

/** As docs/queues.md has them. */
const RIGHTS = '+@read +@write +@connection +@transaction +eval +evalsha +info +time'.split(' ');

describeShapes('The queue on every shape of Redis', () => {
  let servers: RedisServers;
  let bench: Bench | null = null;
  beforeEach(async () => {
    servers = await RedisServers.make();
  });
  afterEach(async () => {
    await bench?.close();
    await servers.stop();
  });

  /** All that a job may meet: both types, delays, priorities, retries, death, pause, counts, figures. */
  async function works(redis: RedisSettings, type: 'streams' | 'bullmq' = 'streams'): Promise<void> {
    bench = new Bench({
      settings: { type, redis, kafka: null, databaseUrl: 'postgres://127.0.0.1:1/not-used' },
      progressOf: () => Promise.resolve(null),
      stop: () => Promise.resolve(),
    });
    const { queue, name } = await bench.open();
    const log = new Log();
    await bench.consume(
      queue,
      log.then(async (job, { progress }) => {
        await progress(50);
        if (job.jobId === 'dead') throw new PermanentFailure('DECLINED');
        if (job.jobId === 'failing' && job.attempt < 3) throw new Error('no');
      }),
    );
    const admitted: string[] = [];
    const admit = await queue.consume(
      'booking.admit',
      (job) => Promise.resolve(void admitted.push(job.jobId)),
      {
        concurrency: 1,
        retry: { attempts: 1, backoffMs: 1, maxBackoffMs: 1 },
        deadlineMs: 1000,
        onDead: () => Promise.resolve(),
      },
    );
    await queue.publish([
      ...fulfils(300),
      fulfil('failing'),
      fulfil('dead', { priority: 'high' }),
      fulfil('later', { delayMs: 200 }),
      { jobId: 'admit', type: 'booking.admit', data: { offerId: 'offer' } },
    ]);
    await until('every job was delivered', () => new Set(log.ids).size === 303 && admitted.length === 1);
    await until('all is done', async () => {
      const { waiting, active, delayed, dead } = (await queue.counts()).types['booking.fulfil'];
      return waiting + active + delayed === 0 && dead === 1;
    });
    expect(log.ids.filter((id) => id === 'failing')).toHaveLength(3);
    expect(await queue.deadLetters.list(5)).toMatchObject([{ jobId: 'dead', reason: 'DECLINED' }]);
    await queue.pause();
    await queue.publish([fulfil('held')]);
    await sleep(100);
    expect(log.ids).not.toContain('held');
    await queue.resume();
    await until('what was held is delivered', () => log.ids.includes('held'));
    const figures = await queue.figures();
    expect(figures.workers).toEqual({ 'booking.admit': 1, 'booking.fulfil': 1 });
    const channel = type === 'streams' ? `{${name}-fulfil}:high` : `${name}-fulfil`;
    expect(figures.channels.map((found) => found.name)).toContain(channel);
    await queue.ping();
    await admit.stop(1000);
  }

  it('works on one server with a password, in a database of its number', async () => {
    const { port } = await servers.start({ requirepass: 'open sesame' }, { password: 'open sesame' });
    await works(redisAt(`redis://:open%20sesame@127.0.0.1:${port}/3`));
  });

  it('works on a cluster of three, of which one node is named', async () => {
    const [node] = await servers.startCluster();
    const nodes = [{ host: '127.0.0.1', port: node?.port ?? 0 }];
    await works({ ...redisAt('redis://127.0.0.1:1'), kind: 'cluster', nodes });
  });

  it('works on a cluster with the rights that are documented, and no others', async () => {
    const all = await servers.startCluster();
    const rights = [...RIGHTS, '+cluster|slots', '+cluster|info'];
    for (const node of all) {
      await node.client().call('ACL', 'SETUSER', 'queue', 'on', '>sesame', '~{t????????-*', ...rights);
    }
    const nodes = [{ host: '127.0.0.1', port: all[0]?.port ?? 0 }];
    await works({ ...redisAt('redis://queue:sesame@127.0.0.1:1'), kind: 'cluster', nodes });
  });

  it('works on a server that a sentinel watches', async () => {
    const { port } = await servers.start();
    const sentinel = await servers.startSentinel('bookings', port);
    const nodes = [{ host: '127.0.0.1', port: sentinel.port }];
    await works({ ...redisAt('redis://127.0.0.1:1'), kind: 'sentinel', nodes, sentinelName: 'bookings' });
  });

  it('works over TLS, with a certificate that the server wants to see', async () => {
    const tls = await servers.certificate();
    const { port } = await servers.startTls(tls);
    await works({ ...redisAt(`rediss://127.0.0.1:${port}`), tls });
  });

  it('works on a cluster over TLS whose certificate has a name and no number', async () => {
    const tls = await servers.certificate('DNS:localhost');
    const [node] = await servers.startCluster(tls);
    const nodes = [{ host: 'localhost', port: node?.port ?? 0 }];
    await works({ ...redisAt('rediss://127.0.0.1:1'), kind: 'cluster', nodes, tls });
  });

  it.each([
    ['streams', '~{t????????-*'],
    ['bullmq', '~bull:t????????-*'],
  ] as const)('works on %s with the rights that are documented, and no others', async (type, keys) => {
    const server = await servers.start();
    await server.client().call('ACL', 'SETUSER', 'queue', 'on', '>sesame', keys, ...RIGHTS);
    await works(redisAt(`redis://queue:sesame@127.0.0.1:${server.port}`), type);
  });
});
