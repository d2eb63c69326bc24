import type { RedisSettings } from '../../../src/config/redis.js';
import type { JobQueue } from '../../../src/queue/job-queue.js';
import { redisAt } from '../../support/redis-at.js';
import { Bench, fulfil, Log, until } from '../bench.js';
import { hasRedisServer } from '../own-redis.js';
import { StableAddress } from '../stable-address.js';
import { type RedisServer, RedisServers } from './servers.js';

const missing = hasRedisServer() ? null : 'there is no redis-server on this machine';
if (missing !== null) process.stderr.write(`SKIPPED the fail-over of a Redis: ${missing}\n`);
const describeFailOver = missing === null ? describe : describe.skip;

describeFailOver.each(['streams', 'bullmq'] as const)('The fail-over of a Redis, seen by %s', (type) => {
  let servers: RedisServers;
  let first: RedisServer;
  let second: RedisServer;
  let bench: Bench | null = null;
  beforeEach(async () => {
    servers = await RedisServers.make();
    // a copy begins at once, not when more may have asked for one
    first = await servers.start({ 'repl-diskless-sync-delay': '0' });
    second = await servers.start();
    await second.client().call('REPLICAOF', '127.0.0.1', String(first.port));
    await until('the copy is complete', async () =>
      (await second.client().info('replication')).includes('master_link_status:up'),
    );
  });
  afterEach(async () => {
    await bench?.close();
    await servers.stop();
  });

  /** What was published and consumed before goes on afterwards, over the same queue. */
  async function survives(redis: RedisSettings, failOver: (queue: JobQueue) => Promise<void>): Promise<void> {
    bench = new Bench({
      settings: { type, redis, kafka: null, databaseUrl: 'postgres://127.0.0.1:1/not-used' },
      progressOf: () => Promise.resolve(null),
      stop: () => Promise.resolve(),
    });
    const { queue } = await bench.open();
    const log = new Log();
    await bench.consume(queue, log.handle);
    await queue.publish([fulfil('before')]);
    await log.reaches(1);
    await failOver(queue);
    await until('jobs are taken again', () =>
      queue.publish([fulfil('after')]).then(
        () => true,
        () => false,
      ),
    );
    await until('they are delivered', () => log.ids.includes('after'));
    await queue.ping();
    const role = await second.client().info('replication');
    expect(role).toContain('role:master');
  }

  const urlOf = ({ port }: RedisServer): URL => new URL(`redis://127.0.0.1:${port}`);

  it('is followed where the name of the master leads elsewhere now, and the old one lives on', async () => {
    const address = new StableAddress();
    await address.open(urlOf(first));
    try {
      await survives(redisAt(address.of(urlOf(first).href)), async (queue) => {
        await second.client().call('REPLICAOF', 'NO', 'ONE');
        await first.client().call('REPLICAOF', '127.0.0.1', String(second.port));
        await expect(queue.ping()).rejects.toThrow();
        address.leadTo(urlOf(second));
      });
    } finally {
      await bench?.close();
      await address.close();
    }
  });

  it('is followed where sentinels name the new master of one that was killed', async () => {
    const sentinel = await servers.startSentinel('bookings', first.port);
    const asked = sentinel.client();
    await until('the sentinel knows both', async () => /slaves=1/.test(await asked.info('sentinel')));
    const nodes = [{ host: '127.0.0.1', port: sentinel.port }];
    const redis: RedisSettings = {
      ...redisAt('redis://127.0.0.1:1'),
      ...{ kind: 'sentinel', nodes, sentinelName: 'bookings' },
    };
    await survives(redis, () => first.kill());
  });
});
