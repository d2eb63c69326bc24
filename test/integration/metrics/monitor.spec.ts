import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import request from 'supertest';
import type { LineState } from '../../../src/booking/ledger/types.js';
import { Config } from '../../../src/config/config.js';
import { loadConfig } from '../../../src/config/load.js';
import { METRICS } from '../../../src/metrics/catalogue.js';
import { Health, HealthParts } from '../../../src/metrics/health.js';
import { Metrics } from '../../../src/metrics/metrics.js';
import { MetricsModule } from '../../../src/metrics/metrics.module.js';
import { startClusterMonitor, startMonitor, type Monitor } from '../../../src/metrics/monitor.js';
import { LedgerReadings, RateLimitReadings } from '../../../src/metrics/sources.js';
import { WorkerActivity, type WorkerStatus } from '../../../src/metrics/worker-activity.js';
import { BrokerError } from '../../../src/queue/broker-error.js';
import { JobQueue, type QueueCounts } from '../../../src/queue/job-queue.js';
import { Remotes } from '../../../src/remote/remotes.js';

const line: LineState = {
  offerId: 'show-vip',
  version: 7,
  lastSeq: 40,
  front: 12,
  waiting: 25,
  holdSeconds: 120,
  grantsPerMinute: 30,
  stock: { capacity: 10, available: 1, held: 4, sold: 5 },
  nights: null,
  soldOut: null,
  now: '2030-01-01T00:00:00.000Z',
};
const counts: QueueCounts = {
  paused: false,
  types: {
    'booking.admit': { waiting: 3, active: 1, delayed: 0, dead: 0 },
    'booking.fulfil': { waiting: 8, active: 2, delayed: 1, dead: 4 },
  },
};
const never = async (): Promise<never> => await new Promise<never>(() => undefined);
const away = async (): Promise<never> =>
  await Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7:5432'));

/** What the parts answer, for each test to change. */
class World {
  lines: () => Promise<LineState[]> = async () => await Promise.resolve([line]);
  counts: () => Promise<QueueCounts> = async () => await Promise.resolve(counts);
  database: () => Promise<void> = async () => {
    await Promise.resolve();
  };
  broker: () => Promise<void> = async () => {
    await Promise.resolve();
  };
  worker: WorkerStatus = { running: 0, lastProgressAt: null, backlog: false };
}

describe('the monitor of a process', () => {
  const world = new World();
  let app: NestFastifyApplication;
  let monitor: Monitor;

  beforeAll(async () => {
    @Global()
    @Module({
      providers: [
        { provide: Config, useValue: loadConfig({ NODE_ENV: 'test' }) },
        {
          provide: LedgerReadings,
          useValue: {
            lines: () => world.lines(),
            unsealedSeconds: () => Promise.resolve(2.5),
            erasuresPutOff: () => Promise.resolve(7),
            tellingBacklog: () =>
              Promise.resolve([{ service: 'ticket', state: 'due', tellings: 6, oldestSeconds: 1.5 }]),
          },
        },
        { provide: JobQueue, useValue: { counts: () => world.counts() } },
        {
          provide: RateLimitReadings,
          useValue: { keys: () => new Map([['customer', 3]]), isStoreAway: () => false },
        },
        {
          provide: HealthParts,
          useValue: { checks: { database: () => world.database(), broker: () => world.broker() } },
        },
        { provide: WorkerActivity, useValue: { status: () => world.worker } },
        {
          provide: Remotes,
          useValue: {
            caller: (name: string) => (name === 'ticket' ? {} : null),
            states: () => new Map([['ticket', 'down'] as const, ['gateway', 'up'] as const]),
            watch: () => undefined,
          },
        },
      ],
      exports: [Config, Remotes, LedgerReadings, RateLimitReadings, JobQueue, HealthParts, WorkerActivity],
    })
    class Ground {}
    @Module({ imports: [Ground, MetricsModule] })
    class App {}
    app = await NestFactory.create<NestFastifyApplication>(App, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    monitor = await startMonitor({ host: '127.0.0.1', port: 0 }, app.get(Health));
  });
  afterAll(async () => {
    await monitor.close();
    await monitor.close();
    await app.close();
  });

  const scrape = async (): Promise<string> => (await request(monitor.url).get('/metrics').expect(200)).text;
  /** Readings and checks are kept for a moment. */
  const afterCaches = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 1050));
  };

  it('shows line, stock, queue and invariants as ledger and broker have them', async () => {
    const text = await scrape();
    for (const sample of [
      'fairline_line_waiting{offer="show-vip"} 25',
      'fairline_line_grants_per_minute{offer="show-vip"} 30',
      'fairline_stock_units{offer="show-vip",kind="capacity"} 10',
      'fairline_stock_units{offer="show-vip",kind="held"} 4',
      'fairline_queue_jobs{type="booking.fulfil",state="waiting"} 8',
      'fairline_queue_jobs{type="booking.fulfil",state="dead"} 4',
      'fairline_queue_paused 0',
      'fairline_invariant_violations{invariant="F1"} 0',
      'fairline_audit_unsealed_seconds 2.5',
      'fairline_erasures_put_off 7',
      'fairline_source_missing{source="ledger"} 0',
    ]) {
      expect(text).toContain(`${sample}\n`);
    }
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \S+$/m);
  });

  it('counts what the parts record, every metric of the catalogue', async () => {
    const metrics = app.get(Metrics);
    metrics.accepted(3, 5, 0.02);
    metrics.refused('SOLD_OUT', 2);
    metrics.rateLimited('customer');
    metrics.challenged('failed');
    metrics.granted(4);
    metrics.expired(1);
    metrics.settled('confirmed');
    metrics.jobDelivered('booking.fulfil', -0.1);
    metrics.jobHandled('booking.fulfil', 'done', 0.3);
    metrics.stepSucceeded('pdf', 0.04);
    metrics.retried('email');
    metrics.deadLettered('CARD_EXPIRED');
    metrics.deadLettered('connect ECONNREFUSED ann@example.org');
    metrics.remoteCalled('ticket', 'unknown', 0.5);
    metrics.told('ticket', 'reserve', 'later');
    metrics.differed(1);
    metrics.pushesDropped(9);
    const text = await scrape();
    for (const sample of [
      'fairline_remote_calls_total{service="ticket",outcome="unknown"} 1',
      'fairline_remote_told_total{service="ticket",kind="reserve",outcome="later"} 1',
      'fairline_remote_differences_total 1',
      'fairline_remote_pushes_dropped_total 9',
      'fairline_remote_up{service="ticket"} 0',
      'fairline_remote_up{service="gateway"} 1',
      'fairline_remote_tellings{service="ticket",state="due"} 6',
      'fairline_remote_oldest_telling_seconds{service="ticket"} 1.5',
      'fairline_bookings_accepted_total 3',
      'fairline_bookings_refused_total{code="SOLD_OUT"} 2',
      'fairline_rate_limited_total{limit="customer"} 1',
      'fairline_rate_limit_keys{limit="customer"} 3',
      'fairline_rate_limit_store_away 0',
      'fairline_challenges_total{outcome="failed"} 1',
      'fairline_accept_batch_size_sum 5',
      'fairline_accept_seconds_count 1',
      'fairline_holds_granted_total 4',
      'fairline_holds_expired_total 1',
      'fairline_bookings_settled_total{state="confirmed"} 1',
      'fairline_job_wait_seconds_sum{type="booking.fulfil"} 0',
      'fairline_jobs_handled_total{type="booking.fulfil",outcome="done"} 1',
      'fairline_job_seconds_count{type="booking.fulfil"} 1',
      'fairline_step_seconds_sum{step="pdf"} 0.04',
      'fairline_step_retries_total{step="email"} 1',
      'fairline_dead_letters_total{reason="CARD_EXPIRED"} 1',
      'fairline_dead_letters_total{reason="OTHER"} 1',
    ]) {
      expect(text).toContain(`${sample}\n`);
    }
    for (const name of Object.keys(METRICS)) expect(text).toMatch(new RegExp(`^${name}(_count)?[ {]`, 'm'));
    expect(text).not.toContain('example.org');
  });

  it('says that stock does not add up', async () => {
    world.lines = async () =>
      await Promise.resolve([line, { ...line, offerId: 'b', stock: { ...line.stock, sold: 6 } }]);
    await afterCaches();
    expect(await scrape()).toContain('fairline_invariant_violations{invariant="F1"} 1\n');
  });

  it('leaves out what it cannot read, says so, and answers in time though the database hangs', async () => {
    world.lines = never;
    world.counts = away;
    await afterCaches();
    const started = performance.now();
    const text = await scrape();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(text).toContain('fairline_source_missing{source="ledger"} 1\n');
    expect(text).toContain('fairline_source_missing{source="queue"} 1\n');
    expect(text).not.toMatch(/^fairline_(line|stock|queue|audit|invariant)\w* ?[{\d]/m);
    expect(text).toContain('fairline_holds_granted_total 4\n');
  });

  it('is ready while every part answers, and names the one that does not', async () => {
    const good = await request(monitor.url).get('/health/ready').expect(200);
    expect(good.body).toMatchObject({
      status: 'ok',
      details: { database: { status: 'up' }, broker: { status: 'up' } },
    });
    world.database = away;
    await afterCaches();
    const bad = await request(monitor.url).get('/health/ready').expect(503);
    expect(bad.body).toMatchObject({
      status: 'error',
      error: { database: { status: 'down', message: 'does not answer' } },
      info: { broker: { status: 'up' } },
    });
    expect(bad.text).not.toContain('10.0.0.7');
    await request(monitor.url).get('/health/live').expect(200);
  });

  it('says by its code why the broker cannot be used, and not where it is', async () => {
    world.database = new World().database;
    world.broker = async () =>
      await Promise.reject(new BrokerError('BROKER_FULL', 'Redis at 10.0.0.7:6379', 'maxmemory of ann'));
    await afterCaches();
    const { body, text } = await request(monitor.url).get('/health/ready').expect(503);
    world.broker = new World().broker;
    const message = 'BROKER_FULL: it has no memory left and refuses to store more';
    expect(body.error).toMatchObject({ broker: { status: 'down', message } });
    expect(text).not.toMatch(/10\.0\.0\.7|ann/);
  });

  it('is not ready when a part hangs', async () => {
    world.database = never;
    await afterCaches();
    const { body } = await request(monitor.url).get('/health/ready').expect(503);
    expect(body.error.database.status).toBe('down');
    world.database = new World().database;
    await afterCaches();
  });

  it('tells a worker that is stuck from one that is idle', async () => {
    const idle = await request(monitor.url).get('/health/ready').expect(200);
    expect(idle.body.details.worker).toEqual({ status: 'up', running: 0, lastProgressAt: null, idle: true });
    world.worker = { running: 2, lastProgressAt: null, backlog: true };
    const busy = await request(monitor.url).get('/health/ready').expect(200);
    expect(busy.body.details.worker).toMatchObject({ status: 'up', running: 2, idle: false });
  });

  it('answers the same on the port of the API, where there are no metrics', async () => {
    const api = request(await app.getUrl());
    await api.get('/health/live').expect(200, { status: 'ok', info: {}, error: {}, details: {} });
    await api.get('/health/ready').expect(200);
    await api.get('/metrics').expect(404);
  });

  it('has a problem document for everything else', async () => {
    const { body } = await request(monitor.url).get('/api/offers').expect(404);
    expect(body.code).toBe('NOT_FOUND');
    await request(monitor.url).post('/metrics').expect(405);
  });
});

describe('the monitor of a cluster', () => {
  it('is as ready as its parts', async () => {
    const checks = { api: away };
    const monitor = await startClusterMonitor({ host: '127.0.0.1', port: 0 }, loadConfig({}), { checks });
    try {
      const { body } = await request(monitor.url).get('/health/ready').expect(503);
      expect(Object.keys(body.error)).toEqual(['api']);
      await request(monitor.url).get('/metrics').expect(200);
    } finally {
      await monitor.close();
    }
  });
});
