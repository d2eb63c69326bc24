import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, ERRORS } from './errors.js';
import { asAppError, problemOf } from './problem.js';
import type { RouteTable } from './route-table.js';

export interface ProblemFilterOptions {
  /** Tells a wrong method from a path that is not there. */
  readonly routes: RouteTable;
  /** Errors of a part that is away for a while, a database perhaps: `UNAVAILABLE`, not `INTERNAL`. */
  readonly isOutage: (error: unknown) => boolean;
}

/**
 * Every error of the HTTP interface, also those that Fastify raises before Nest sees the request, as an
 * `application/problem+json`. What nobody foresaw is `INTERNAL`: logged whole, told as nothing.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('http');

  constructor(private readonly options: ProblemFilterOptions) {}

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (reply.sent || reply.raw.headersSent) return this.interrupted(error, request, reply);
    const refusal = this.refusalOf(error, request, reply);
    if (ERRORS[refusal.code].status >= 500) this.report(refusal, error, request);
    const problem = problemOf(refusal, { instance: pathOf(request), correlationId: request.id });
    void reply.code(problem.status).headers(problem.headers).send(problem.body);
  }

  private refusalOf(error: unknown, request: FastifyRequest, reply: FastifyReply): AppError {
    // What is wrong with a body says nothing where nobody would take it.
    if (request.is404) return this.unrouted(request, reply);
    return (
      asAppError(error) ??
      (this.options.isOutage(error)
        ? new AppError('UNAVAILABLE', undefined, { retryAfterSeconds: 1 }, { cause: error })
        : new AppError('INTERNAL', undefined, {}, { cause: error }))
    );
  }

  private unrouted(request: FastifyRequest, reply: FastifyReply): AppError {
    const methods = this.options.routes.methodsFor(pathOf(request));
    if (methods.length === 0) return new AppError('NOT_FOUND');
    void reply.header('allow', methods.join(', '));
    return new AppError('METHOD_NOT_ALLOWED', undefined, { allow: methods });
  }

  /** A full line and a busy house are answers, not incidents: only what somebody must look at is logged. */
  private report(refusal: AppError, error: unknown, request: FastifyRequest): void {
    if (refusal.code !== 'INTERNAL' && refusal.code !== 'UNAVAILABLE') return;
    const about = {
      correlationId: request.id,
      method: request.method,
      route: request.routeOptions.url,
      code: refusal.code,
    };
    if (refusal.code === 'INTERNAL') this.logger.error({ ...about, message: 'A request failed', err: error });
    else this.logger.warn({ ...about, message: 'A request met an outage', err: refusal.cause ?? error });
  }

  /** The answer has begun, so its status cannot change: it is cut off, and the client sees that. */
  private interrupted(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    this.logger.error({ correlationId: request.id, message: 'An answer broke off', err: error });
    if (!reply.raw.writableEnded) reply.raw.destroy();
  }
}

const pathOf = (request: FastifyRequest): string => {
  const url = request.raw.url ?? '/';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
};
