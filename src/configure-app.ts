import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { AppModule } from './app.module.js';
import { prepareServer, serverOptions } from './common/http-server.js';
import type { PinoLogger } from './common/logger.js';
import { ProblemFilter } from './common/problem.filter.js';
import { validationPipe } from './common/validation.js';
import type { Config } from './config/config.js';
import { isRetryable } from './database/database.js';
import { BoardIoAdapter } from './realtime/board-io.adapter.js';
import { trustProxy } from './security/client-address.js';

/** The application as it runs, and as it is tested; `main.ts` adds the process around it. */
export async function createApp(
  config: Config,
  databaseUrl: string,
  logger: PinoLogger,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter(serverOptions(config.http, trustProxy(config.http.trustedProxies)));
  const routes = prepareServer(adapter.getInstance());
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(config, databaseUrl), adapter, {
    bodyParser: false,
    abortOnError: false,
    logger,
  });
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter({ routes, isOutage: isRetryable }));
  if (config.role !== 'worker') {
    // Without origins there is nothing to allow, and no hook on every request.
    if (config.http.corsOrigins.length > 0) {
      app.enableCors({
        origin: corsOrigin(config.http.corsOrigins),
        exposedHeaders: ['retry-after', 'x-request-id'],
      });
    }
    app.useWebSocketAdapter(new BoardIoAdapter(app));
    SwaggerModule.setup('docs', app, () => openApiOf(app), { jsonDocumentUrl: 'docs/openapi.json' });
  }
  return app;
}

/** The OpenAPI document of the routes. */
export function openApiOf(app: NestFastifyApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Fairline')
    .setDescription('A fair booking queue: join a line, watch your place, pay in your turn, get your ticket.')
    .setVersion('1')
    .addBearerAuth()
    .build();
  return SwaggerModule.createDocument(app, about);
}

const corsOrigin = (origins: readonly string[]): string[] | boolean =>
  origins.includes('*') ? true : [...origins];
