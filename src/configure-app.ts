import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { prepareServer, serverOptions } from './common/http-server.js';
import type { PinoLogger } from './common/logger.js';
import { ProblemFilter } from './common/problem.filter.js';
import type { Config } from './config/config.js';
import { isRetryable } from './database/database.js';
import { trustProxy } from './security/client-address.js';

const FACE = { pages: ['/docs', '/admin/queues'], busiest: '/api/bookings' };

/** The application as it runs, and as it is tested; `main.ts` adds the process around it. */
export async function createApp(
  config: Config,
  databaseUrl: string,
  logger: PinoLogger,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter(serverOptions(config.http, trustProxy(config.http.trustedProxies)));
  const routes = prepareServer(adapter.getInstance(), { ...FACE, publicUrl: config.http.publicUrl });
  const app = await NestFactory.create<NestFastifyApplication>(
    await AppModule.of(config, databaseUrl),
    adapter,
    {
      bodyParser: false,
      abortOnError: false,
      logger,
    },
  );
  app.useGlobalFilters(new ProblemFilter({ routes, isOutage: isRetryable }));
  if (config.role !== 'worker') (await import('./configure-http.js')).configureHttp(app, config);
  return app;
}

/** Connections that may wait to be taken: Node's own 511 make the rest of a crowd at ten o'clock try again for seconds. */
const LISTEN_BACKLOG = 4096;

/** Opens the doors of a role that has an API. */
export async function openDoors(app: NestFastifyApplication, { http, grpc }: Config): Promise<void> {
  let opened = (): void => undefined;
  if (grpc.port !== null) {
    await app.init();
    opened = await (await import('./open-grpc.js')).openGrpc(app);
  }
  await app.listen({ port: http.port, host: http.host, backlog: LISTEN_BACKLOG });
  opened();
}
