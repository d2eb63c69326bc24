import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export const CORRELATION_HEADER = 'x-request-id';
/** Short, and nothing that a log, a header or a shell could stumble over. */
const SANE = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;

/** Whether this may be a correlation id. */
export const isSane = (id: string): boolean => SANE.test(id);

/**
 * The id that follows a request through job and e-mail in the logs: the caller's own `X-Request-Id` where it is
 * sane, else a new one. Fits Fastify's `genReqId`, so that it is `request.id`.
 */
export function correlationId(request: { readonly headers: IncomingHttpHeaders }): string {
  const sent = request.headers[CORRELATION_HEADER];
  return typeof sent === 'string' && isSane(sent) ? sent : randomUUID();
}
