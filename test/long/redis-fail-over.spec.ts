import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisSettings } from '../../src/config/redis.js';
import { BrokerError } from '../../src/queue/broker-error.js';
import { Bench, fulfil, fulfils, Log, until } from '../conformance/bench.js';
import { hasRedisServer } from '../conformance/own-redis.js';
import { type RedisServer, RedisServers } from '../conformance/redis/servers.js';
import { redisAt } from '../support/redis-at.js';

jest.setTimeout(60_000);

const missing = hasRedisServer() ? null : 'there is no redis-server on this machine';
if (missing !== null)
  process.stderr.write(`SKIPPED the fail-over of a Redis over TLS and of a cluster: ${missing}\n`);
const describeFailOver = missing === null ? describe : describe.skip;

describeFailOver('The fail-over of a Redis', () => {
  let servers: RedisServers;
  let bench: Bench | null = null;
  beforeEach(async () => {
    servers = await RedisServers.make();
  });
  afterEach(async () => {
    await bench?.close();
    await servers.stop();
  });

  const benchOn = (redis: RedisSettings, type: 'streams' | 'bullmq' = 'streams'): Bench =>
    (bench = new Bench({
      settings: { type, redis, kafka: null, databaseUrl: 'postgres://127.0.0.1:1/not-used' },
      progressOf: () => Promise.resolve(null),
      stop: () => Promise.resolve(),
    }));

  it.each(['streams', 'bullmq'] as const)(
    'is followed by %s where sentinels and servers speak TLS alone',
    async (type) => {
      const tls = await servers.certificate();
      const first = await servers.startTls(tls, { 'repl-diskless-sync-delay': '0' });
      const second = await servers.startTls(tls);
      await second.client().call('REPLICAOF', '127.0.0.1', String(first.port));
      await until('the copy is complete', async () =>
        (await second.client().info('replication')).includes('master_link_status:up'),
      );
      const sentinel = await servers.startSentinel('bookings', first.port, tls);
      const asked = sentinel.client();
      await until('the sentinel knows both', async () => /slaves=1/.test(await asked.info('sentinel')));
      const nodes = [{ host: '127.0.0.1', port: sentinel.port }];
      const { queue } = await benchOn(
        { ...redisAt('rediss://127.0.0.1:1'), kind: 'sentinel', nodes, sentinelName: 'bookings', tls },
        type,
      ).open();
      const log = new Log();
      await bench?.consume(queue, log.handle);
      await queue.publish([fulfil('before')]);
      await log.reaches(1);
      await first.kill();
      await until('jobs are taken again', () =>
        queue.publish([fulfil('after')]).then(
          () => true,
          () => false,
        ),
      );
      await until('they are delivered', () => log.ids.includes('after'));
      await queue.ping();
      expect(await second.client().info('replication')).toContain('role:master');
    },
  );

  it('of a cluster’s master loses no job; what is published meanwhile succeeds or is refused by a code', async () => {
    const masters = await servers.startCluster();
    const nodes = masters.map(({ port }) => ({ host: '127.0.0.1', port }));
    const { queue, name } = await benchOn({
      ...redisAt('redis://127.0.0.1:1'),
      kind: 'cluster',
      nodes,
    }).open();
    const master = await ownerOf(`{${name}-fulfil}:normal`, masters);
    const copy = await servers.startCopyOf(master);
    const log = new Log();
    await bench?.consume(
      queue,
      log.then(() => sleep(20)),
      { concurrency: 4, retry: { attempts: 5, backoffMs: 50, maxBackoffMs: 200 } },
    );
    await queue.publish(fulfils(200));
    await log.reaches(20);
    const written = await offsetOf(master);
    await until('the copy has all that was published', async () => (await offsetOf(copy)) >= written);
    await master.kill();

    const [taken, refused]: [string[], unknown[]] = [[], []];
    await until('twenty jobs are taken after the fail-over', async () => {
      const jobId = `meanwhile-${taken.length}-${refused.length}`;
      await queue.publish([fulfil(jobId)]).then(
        () => taken.push(jobId),
        (error: unknown) => refused.push(error),
      );
      return taken.length >= 20;
    });
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused) expect(error).toBeInstanceOf(BrokerError);

    await until('each job that was taken is delivered', () => {
      const seen = new Set(log.ids);
      return [...fulfils(200).map(({ jobId }) => jobId), ...taken].every((jobId) => seen.has(jobId));
    });
    await until('nothing is left', async () => {
      const { waiting, active, delayed } = (await queue.counts()).types['booking.fulfil'];
      return waiting + active + delayed === 0;
    });
    expect((await queue.counts()).types['booking.fulfil'].dead).toBe(0);
    await queue.ping();
    expect(await copy.client().info('replication')).toContain('role:master');
  });
});

async function ownerOf(key: string, masters: readonly RedisServer[]): Promise<RedisServer> {
  for (const master of masters) {
    const isElsewhere = await master
      .client()
      .exists(key)
      .then(
        () => false,
        () => true,
      );
    if (!isElsewhere) return master;
  }
  throw new Error(`No node has ${key}`);
}

/** How far a master has written, or a copy has followed. */
async function offsetOf(server: RedisServer): Promise<number> {
  const [, offset] = /^master_repl_offset:(\d+)/m.exec(await server.client().info('replication')) ?? [];
  return Number(offset);
}
