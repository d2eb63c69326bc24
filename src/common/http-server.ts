import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import type { Config } from '../config/config.js';
import { CORRELATION_HEADER, correlationId } from './correlation.js';
import { AppError } from './errors.js';
import { asAppError, problemOf, type Problem } from './problem.js';
import { RouteTable } from './route-table.js';

/**
 * Options of the Fastify server, the same for the application and its tests.
 * `trustProxy` comes from `security/client-address.ts`.
 */
export const serverOptions = (http: Config['http'], trustProxy: string[] | false): FastifyServerOptions => ({
  bodyLimit: http.bodyLimitBytes,
  trustProxy,
  genReqId: correlationId,
  // `genReqId` decides which header is believed.
  requestIdHeader: false,
  routerOptions: { maxParamLength: 200 },
  // A body is what its schema says: nothing is converted, dropped or filled in, and every mistake is told.
  ajv: {
    customOptions: {
      coerceTypes: false,
      removeAdditional: false,
      useDefaults: false,
      allErrors: true,
      // null is told apart from absent
      allowUnionTypes: true,
    },
  },
  frameworkErrors: answerFrameworkError,
  clientErrorHandler: answerBrokenRequest,
});

/**
 * What every route has: the correlation id in the answer, JSON alone as a body, and a table of routes for the
 * problem filter. To be called before the first route is added; Nest's own body parsers must be off
 * (`bodyParser: false`).
 */
export function prepareServer(server: FastifyInstance): RouteTable {
  const routes = new RouteTable();
  server.addHook('onRoute', ({ url, method }) =>
    routes.add(url, typeof method === 'string' ? [method] : method),
  );
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header(CORRELATION_HEADER, request.id);
    done();
  });
  server.removeContentTypeParser('text/plain');
  return routes;
}

/** Raised by the router before any hook: an address with a broken escape, a parameter beyond any length. */
function answerFrameworkError(
  error: Error & { readonly code?: string },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const refusal =
    error.code === 'FST_ERR_BAD_URL'
      ? new AppError('VALIDATION_FAILED', 'The address is not valid')
      : (asAppError(error) ?? new AppError('INTERNAL'));
  const problem = problemOf(refusal, { correlationId: request.id });
  void reply
    .code(problem.status)
    .headers({ ...problem.headers, [CORRELATION_HEADER]: request.id })
    .send(problem.body);
}

/** What Node's parser refuses, before there is a request at all. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    const code = error.code === 'HPE_HEADER_OVERFLOW' ? 'PAYLOAD_TOO_LARGE' : 'MALFORMED_BODY';
    socket.write(asText(problemOf(new AppError(code, 'The request is not HTTP that this server takes'), {})));
  }
  socket.destroy(error);
}

function asText({ status, headers, body }: Problem): string {
  const head = { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', body].join('\r\n');
}
