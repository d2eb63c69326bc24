import { STATUS_CODES } from 'node:http';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type {
  FastifyHttpOptions,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifyBodyParser,
  onRequestHookHandler,
} from 'fastify';
import type { Config } from '../config/config.js';
import { CORRELATION_HEADER, correlationId } from './correlation.js';
import { AppError } from './errors.js';
import { hasModestShape } from './json-shape.js';
import { asAppError, problemOf, type Problem } from './problem.js';
import { answerHeaders, DATA_HEADERS, PAGE_HEADERS } from './response-headers.js';
import { RouteTable } from './route-table.js';

/** Who opens a connection and dawdles is let go: with the head of a request, with its body, with taking the answer. */
const HEAD_MS = 30_000;
const REQUEST_MS = 60_000;
const SILENCE_MS = 300_000;
const LOOKED_AT_EVERY_MS = 5_000;

/**
 * Options of the Fastify server, the same for the application and its tests.
 * `trustProxy` comes from `security/client-address.ts`.
 */
export const serverOptions = (
  http: Config['http'],
  trustProxy: string[] | false,
): FastifyHttpOptions<Server> => ({
  bodyLimit: http.bodyLimitBytes,
  requestTimeout: REQUEST_MS,
  connectionTimeout: SILENCE_MS,
  http: { headersTimeout: HEAD_MS, connectionsCheckingInterval: LOOKED_AT_EVERY_MS },
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

/** What a server is to browsers. */
interface Face {
  /** Where it is; what must be said over TLS depends on it. */
  readonly publicUrl?: string;
  /** Everything below one of these paths is a page. */
  readonly pages?: readonly string[];
  /** The path to which a whole crowd posts at once: its answers say no more than they must. */
  readonly busiest?: string;
}

/**
 * What every route has: the correlation id and the headers of safety in the answer, JSON of a modest shape alone as a
 * body, and a table of routes for the problem filter. To be called before the first route is added; Nest's own body
 * parsers must be off (`bodyParser: false`).
 */
export function prepareServer(server: FastifyInstance, face: Face = {}): RouteTable {
  const routes = new RouteTable();
  server.addHook('onRoute', ({ url, method }) =>
    routes.add(url, typeof method === 'string' ? [method] : method),
  );
  server.addHook('onRequest', withHeaders(face));
  server.removeContentTypeParser(['application/json', 'text/plain']);
  server.addContentTypeParser('application/json', { parseAs: 'string' }, modestJson(server));
  return routes;
}

function withHeaders({ publicUrl = '', pages = [], busiest }: Face): onRequestHookHandler {
  const always = answerHeaders(publicUrl);
  const more = (url: string): Readonly<Record<string, string>> =>
    pages.some((page) => url.startsWith(page)) ? PAGE_HEADERS : DATA_HEADERS;
  return (request, reply, done) => {
    void reply.header(CORRELATION_HEADER, request.id).headers(always);
    const { url, method } = request.raw;
    if (url !== busiest || method !== 'POST') void reply.headers(more(request.routeOptions.url ?? ''));
    done();
  };
}

/** Fastify's own parser, which knows what must not be in an object's prototype, behind a look at the shape. */
function modestJson(server: FastifyInstance): FastifyBodyParser<string> {
  const parse = server.getDefaultJsonParser('error', 'error');
  return (request, text, done) => {
    if (hasModestShape(text)) return parse(request, text, done);
    done(new AppError('MALFORMED_BODY', 'The body is nested too deeply, or has too many values'), undefined);
  };
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
    .headers({ ...problem.headers, ...answerHeaders(''), [CORRELATION_HEADER]: request.id })
    .send(problem.body);
}

/** What Node's parser refuses, before there is a request at all. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    socket.write(asText(problemOf(refusalOf(error.code), {})));
  }
  socket.destroy(error);
}

function refusalOf(code: string | undefined): AppError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new AppError('PAYLOAD_TOO_LARGE', 'The head of the request is too large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('REQUEST_TIMEOUT');
    default:
      return new AppError('MALFORMED_BODY', 'The request is not HTTP that this server takes');
  }
}

function asText({ status, headers, body }: Problem): string {
  const head = {
    ...headers,
    ...answerHeaders(''),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', body].join('\r\n');
}
