import { Redis } from 'ioredis';
import { Health } from '../../../src/metrics/health.js';
import { startMonitor } from '../../../src/metrics/monitor.js';
import { JobQueue } from '../../../src/queue/job-queue.js';
import { hasRedisServer, startOwnRedis } from '../../conformance/own-redis.js';
import { eventually, jwt, startApp, unique, type Api, type TestApp } from '../../support/app.js';
import { removeQueue } from '../../support/bull-keys.js';
import { describeWithRedis } from '../../support/redis.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

const queueOf = async (api: Api): Promise<Json> =>
  (await api.get('/api/admin/queue', api.operator).expect(200)).body;

function describeFigures(technology: string, start: (env: Record<string, string>) => Promise<TestApp>): void {
  let test: TestApp;
  let name: string;
  beforeAll(async () => {
    name = unique('queue');
    test = await start({ QUEUE_NAME: name, ROLE: 'api' });
  });
  afterAll(() => test.close());

  it('is told to operators: technology, counts, channels, workers', async () => {
    await test.app.get(JobQueue, { strict: false }).publish([
      { jobId: 'a', type: 'booking.admit', data: { offerId: 'offer' } },
      { jobId: 'b', type: 'booking.admit', data: { offerId: 'offer' }, delayMs: 60_000 },
    ]);
    const channel = (suffix: string, type: string, holds: string, depth: number): Json => ({
      ...{ name: `${name}-${suffix}`, type, holds, depth },
      ...{ groups: [], partitions: [] },
    });
    expect(await queueOf(test.api)).toEqual({
      technology,
      type: 'bullmq',
      version: expect.stringMatching(/^\d+\.\d+/),
      paused: false,
      types: {
        'booking.admit': { waiting: 1, active: 0, delayed: 1, dead: 0 },
        'booking.fulfil': { waiting: 0, active: 0, delayed: 0, dead: 0 },
      },
      channels: [
        channel('admit', 'booking.admit', 'work', 1),
        channel('admit:delayed', 'booking.admit', 'delayed', 1),
        channel('admit-dead', 'booking.admit', 'dead', 0),
        channel('fulfil', 'booking.fulfil', 'work', 0),
        channel('fulfil:delayed', 'booking.fulfil', 'delayed', 0),
        channel('fulfil-dead', 'booking.fulfil', 'dead', 0),
      ],
      workers: { 'booking.admit': 0, 'booking.fulfil': 0 },
      consumers: [],
    });
  });

  it('counts the workers of other processes, and shows its own at work', async () => {
    const worker = await start({ QUEUE_NAME: name });
    try {
      await eventually('both types have a worker', async () => {
        const { workers } = await queueOf(test.api);
        return workers['booking.admit'] === 1 && workers['booking.fulfil'] === 1 ? workers : null;
      });
      expect((await queueOf(test.api)).consumers).toEqual([]);
      const { consumers } = await queueOf(worker.api);
      expect(consumers.map(({ type }: Json) => type).sort()).toEqual(['booking.admit', 'booking.fulfil']);
      expect(consumers[0]).toMatchObject({ concurrency: expect.any(Number), running: expect.any(Number) });
    } finally {
      await worker.close();
    }
  });

  it('is nobody else’s', async () => {
    const anonymous = await test.api.get('/api/admin/queue').expect(401);
    expect(anonymous.body.code).toBe('UNAUTHENTICATED');
    const customer = await test.api.get('/api/admin/queue', await jwt({ sub: 'ann' })).expect(403);
    expect(customer.body.code).toBe('FORBIDDEN');
  });
}

describe('the queue on PostgreSQL', () => {
  let first: TestApp;
  beforeAll(async () => {
    first = await startApp({ ROLE: 'api' });
  });
  afterAll(() => first.close());
  describeFigures('bullmq-postgres', (env) => startApp(env, first.ground));
});

describeWithRedis('the queue on Redis', (url) => {
  let first: TestApp;
  beforeAll(async () => {
    first = await startApp({ ROLE: 'api' });
  });
  afterAll(async () => {
    await first.close();
    await removeQueue(url, 'queue-');
  });
  describeFigures('bullmq-redis', (env) => startApp({ ...env, REDIS_URL: url }, first.ground));
});

if (!hasRedisServer()) {
  process.stderr.write('SKIPPED a Redis that is away or hangs: there is no redis-server on this machine\n');
}
const describeIfServer = hasRedisServer() ? describe : describe.skip;
describeIfServer('a Redis that is away or hangs', () => {
  let server: Awaited<ReturnType<typeof startOwnRedis>>;
  let test: TestApp;
  beforeAll(async () => {
    server = await startOwnRedis();
  });
  beforeAll(async () => {
    test = await startApp({ REDIS_URL: server.url, ROLE: 'api' });
  });
  afterAll(() => test.close());
  afterAll(() => server.stop());

  const refusedSoon = async (): Promise<Json> => {
    const { body } = await test.api
      .get('/api/admin/queue', test.api.operator)
      .timeout(5000)
      .expect(503)
      .expect('retry-after', '1');
    return body;
  };

  it('is told as such, and holds up nobody who asks', async () => {
    const admin = new Redis(server.url);
    await admin.call('CLIENT', 'PAUSE', '4000', 'ALL');
    expect(await refusedSoon()).toMatchObject({ code: 'QUEUE_UNAVAILABLE', reason: 'BROKER_UNREACHABLE' });
    admin.disconnect();
    await eventually('it answers again', async () => {
      const { status } = await test.api.get('/api/admin/queue', test.api.operator);
      return status === 200 ? status : null;
    });
  });

  it('leaves metrics and readiness answering, and readiness says why', async () => {
    const monitor = await startMonitor(
      { host: '127.0.0.1', port: 0 },
      test.app.get(Health, { strict: false }),
    );
    const ask = (path: string): Promise<Response> =>
      fetch(`${monitor.url}${path}`, { signal: AbortSignal.timeout(5000) });
    try {
      await server.halt();
      expect(await refusedSoon()).toMatchObject({ code: 'QUEUE_UNAVAILABLE', reason: 'BROKER_UNREACHABLE' });
      const ready = await eventually('not ready', async () => {
        const answer = await ask('/health/ready');
        return answer.status === 503 ? answer : null;
      });
      const said = await ready.text();
      expect(JSON.parse(said).error.broker).toMatchObject({
        status: 'down',
        message: 'BROKER_UNREACHABLE: nothing answers at its address',
      });
      expect(said).not.toContain(new URL(server.url).port);
      const metrics = await eventually('metrics that know it', async () => {
        const text = await (await ask('/metrics')).text();
        return text.includes('fairline_source_missing{source="queue"} 1\n') ? text : null;
      });
      expect(metrics).toContain('fairline_source_missing{source="ledger"} 0\n');
      expect(metrics).not.toMatch(/^fairline_queue_jobs\{/m);
      await server.resume();
      await eventually('ready again', async () =>
        (await ask('/health/ready')).status === 200 ? true : null,
      );
    } finally {
      await monitor.close();
    }
  });
});
