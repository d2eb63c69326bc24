import cluster from 'node:cluster';
import { Global, Module, type OnModuleDestroy } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { AggregatorRegistry, collectDefaultMetrics, register } from 'prom-client';
import { HealthController } from './health.controller.js';
import { Health } from './health.js';
import { Remotes } from '../remote/remotes.js';
import { Metrics } from './metrics.js';
import { metricProviders, PrometheusMetrics } from './prometheus-metrics.js';
import { Sources } from './sources.js';

/**
 * Metrics and health of every role. Needs `Config`, `JobQueue`, `LedgerReadings`, `HealthParts` and, where there
 * is a worker, `WorkerActivity` from global modules. `/metrics` is served by the monitor alone.
 */
@Global()
@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [Sources, ...metricProviders, { provide: Metrics, useClass: PrometheusMetrics }, Health],
  exports: [Metrics, Health],
})
export class MetricsModule implements OnModuleDestroy {
  constructor(remotes: Remotes, metrics: Metrics) {
    remotes.watch((service, outcome, seconds) => metrics.remoteCalled(service, outcome, seconds));
    // Node's own: event-loop delay, heap, garbage collection, handles.
    if (register.getSingleMetric('nodejs_eventloop_lag_seconds') === undefined) collectDefaultMetrics();
    // Makes this process answer when the primary gathers everybody's metrics.
    if (cluster.isWorker) void new AggregatorRegistry();
  }

  /** The registry is the process's: whoever comes after, in a test perhaps, must not read through closed parts. */
  onModuleDestroy(): void {
    register.clear();
  }
}
