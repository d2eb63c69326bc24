import { Controller, Get, Module, Res, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { PrometheusController, PrometheusModule } from '@willsoto/nestjs-prometheus';
import { TerminusModule } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { AggregatorRegistry } from 'prom-client';
import { correlationId } from '../common/correlation.js';
import { prepareServer } from '../common/http-server.js';
import { ProblemFilter } from '../common/problem.filter.js';
import { Config } from '../config/config.js';
import { HealthController } from './health.controller.js';
import { Health, HealthParts } from './health.js';
import { NoRemotes, Remotes } from '../remote/remotes.js';

export interface MonitorAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface Monitor {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** Idempotent. To be closed last: a supervisor wants to see a process drain. */
  close(): Promise<void>;
}

/** The metrics of all workers of a cluster in one answer. */
@Controller()
class ClusterMetricsController {
  private readonly cluster = new AggregatorRegistry();

  @Get()
  async index(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.header('content-type', this.cluster.contentType);
    return await this.cluster.clusterMetrics();
  }
}

@Module({})
class MonitorModule {}

/**
 * Serves `GET /metrics`, `/health/live` and `/health/ready` on a port of its own, which is not for the public:
 * so every role has them, and a worker without an API too.
 */
export async function startMonitor(at: MonitorAddress, health: Health): Promise<Monitor> {
  return await listen(at, {
    module: MonitorModule,
    imports: [prometheus(PrometheusController)],
    controllers: [HealthController],
    providers: [{ provide: Health, useValue: health }],
  });
}

/** The same for the primary of a cluster: its metrics are those of its workers, its health is what `parts` says. */
export async function startClusterMonitor(
  at: MonitorAddress,
  config: Config,
  parts: HealthParts,
): Promise<Monitor> {
  return await listen(at, {
    module: MonitorModule,
    imports: [prometheus(ClusterMetricsController), TerminusModule.forRoot({ logger: false })],
    controllers: [HealthController],
    providers: [
      ...[Health, { provide: Config, useValue: config }, { provide: HealthParts, useValue: parts }],
      // It calls nobody itself; its processes say what they reach.
      { provide: Remotes, useClass: NoRemotes },
    ],
  });
}

const prometheus = (controller: Type): DynamicModule =>
  PrometheusModule.register({ controller, path: '/metrics', defaultMetrics: { enabled: false } });

async function listen({ host, port }: MonitorAddress, module: DynamicModule): Promise<Monitor> {
  const adapter = new FastifyAdapter({ genReqId: correlationId, requestIdHeader: false });
  const routes = prepareServer(adapter.getInstance());
  // No `logger` here: it would become the logger of the whole process.
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter({ routes, isOutage: () => false }));
  await app.listen(port, host);
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(app),
    close: async () => {
      closing ??= app.close();
      await closing;
    },
  };
}

function urlOf(app: NestFastifyApplication): string {
  const address = app.getHttpServer().address();
  if (address === null || typeof address === 'string') throw new Error('The monitor has no address');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
