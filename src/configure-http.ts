import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { openApiOf } from './api-document.js';
import { validationPipe } from './common/validation.js';
import type { Config } from './config/config.js';
import { mountBoard } from './metrics/board/mount-board.js';
import { BoardIoAdapter } from './realtime/board-io.adapter.js';
import { CHALLENGE_HEADER } from './security/challenge/challenges.js';

/** A browser asks once so often whether it may; none remembers it longer. */
const PREFLIGHT_SECONDS = 7200;

/** What roles with an API have beyond the others: validation, sockets, the API's documentation. */
export function configureHttp(app: NestFastifyApplication, config: Config): void {
  app.useGlobalPipes(validationPipe());
  // Without origins there is nothing to allow, and no hook on every request.
  if (config.http.corsOrigins.length > 0) {
    app.enableCors({
      origin: corsOrigin(config.http.corsOrigins),
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'x-request-id', CHALLENGE_HEADER],
      // A token is sent by who has it; no cookie ever opens anything here.
      credentials: false,
      maxAge: PREFLIGHT_SECONDS,
      exposedHeaders: ['retry-after', 'x-request-id', 'ratelimit', 'ratelimit-policy'],
    });
  }
  app.useWebSocketAdapter(new BoardIoAdapter(app));
  mountBoard(app, config);
  SwaggerModule.setup('docs', app, () => openApiOf(app), { jsonDocumentUrl: 'docs/openapi.json' });
}

const corsOrigin = (origins: readonly string[]): string[] | boolean =>
  origins.includes('*') ? true : [...origins];
