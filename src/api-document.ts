import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { answersOf, HEADERS, HEALTH_ROUTES } from './api-answers.js';
import { BOOKING_TOKEN, JWT } from './booking/api/credentials.js';
import { ProblemDto } from './booking/api/dto/answers.dto.js';
import { Config } from './config/config.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;

const METHODS = ['get', 'post', 'patch', 'delete'] as const;
/** `BookingsController.accept` is the operation `bookings_accept`. */
const operationIdFactory = (controller: string, method: string): string =>
  `${controller.replace('Controller', '').toLowerCase()}_${method}`;

/** The OpenAPI document of the routes, as this configuration serves them. */
export function openApiOf(app: NestFastifyApplication): OpenAPIObject {
  const document = SwaggerModule.createDocument(app, about(), {
    operationIdFactory,
    extraModels: [ProblemDto],
  });
  const { required } = app.get(Config).auth;
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation !== undefined) complete(operation, path, method);
    }
  }
  Object.assign((document.components ??= {}), { headers: HEADERS });
  if (required) withoutStrangers(document.paths['/api/bookings']?.post);
  closeBodies(document);
  return document;
}

function about(): Omit<OpenAPIObject, 'paths'> {
  return new DocumentBuilder()
    .setTitle('Fairline')
    .setDescription(
      'A fair booking queue: join a line, watch your place, pay in your turn, get your ticket.\n\n' +
        'A refusal is an `application/problem+json` whose `code` never changes its meaning. Fields that a route ' +
        'does not know are refused, and no value is converted.',
    )
    .setVersion('1')
    .setLicense('MIT', 'https://spdx.org/licenses/MIT.html')
    .addServer('/')
    .addTag('bookings', 'Join a line, watch your place, pay, leave')
    .addTag('offers', 'What is on sale')
    .addTag('tickets', 'At the door')
    .addTag('operators', 'Refunds, dead letters, the queue, the audit log')
    .addTag('health', 'For balancers and supervisors')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, JWT)
    .addBearerAuth(
      {
        type: 'http',
        scheme: 'bearer',
        description: 'The `token` of an acceptance: opens that booking alone.',
      },
      BOOKING_TOKEN,
    )
    .build();
}

function complete(operation: Operation, path: string, method: string): void {
  const health = HEALTH_ROUTES[path];
  if (health === undefined) operation.responses = answersOf(operation, path, method);
  else Object.assign(operation, health);
}

/** Where `AUTH_REQUIRED` says so, nobody joins a line without a token. */
function withoutStrangers(accept: Operation | undefined): void {
  if (accept?.security === undefined) return;
  accept.security = accept.security.filter((one) => Object.keys(one).length > 0);
}

/** What a body may hold is what is described: every route refuses the rest. */
function closeBodies(document: OpenAPIObject): void {
  const schemas = document.components?.schemas ?? {};
  const seen = new Set<string>();
  const close = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      const schema = schemas[name];
      if (schema === undefined || '$ref' in schema || seen.has(name)) continue;
      seen.add(name);
      schema.additionalProperties = false;
      close(schema);
    }
  };
  for (const item of Object.values(document.paths)) {
    for (const method of METHODS) close(item[method]?.requestBody ?? {});
  }
}
