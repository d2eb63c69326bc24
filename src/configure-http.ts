import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { validationPipe } from './common/validation.js';
import type { Config } from './config/config.js';
import { mountBoard } from './metrics/board/mount-board.js';
import { BoardIoAdapter } from './realtime/board-io.adapter.js';

/** What roles with an API have beyond the others: validation, sockets, the API's documentation. */
export function configureHttp(app: NestFastifyApplication, config: Config): void {
  app.useGlobalPipes(validationPipe());
  // Without origins there is nothing to allow, and no hook on every request.
  if (config.http.corsOrigins.length > 0) {
    app.enableCors({
      origin: corsOrigin(config.http.corsOrigins),
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: ['retry-after', 'x-request-id'],
    });
  }
  app.useWebSocketAdapter(new BoardIoAdapter(app));
  mountBoard(app, config);
  SwaggerModule.setup('docs', app, () => openApiOf(app), { jsonDocumentUrl: 'docs/openapi.json' });
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
