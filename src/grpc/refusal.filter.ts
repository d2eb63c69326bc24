import { Catch, Logger, type ArgumentsHost, type RpcExceptionFilter } from '@nestjs/common';
import { Metadata, status, type ServerErrorResponse } from '@grpc/grpc-js';
import { throwError, type Observable } from 'rxjs';
import { AppError } from '../common/errors.js';
import { isRetryable } from '../database/database.js';
import type { Call } from './call.js';
import { messageOf, statusDetails } from './error-details.js';
import { GRPC_STATUS } from './status.js';
import { CODE_METADATA } from './values.js';

/**
 * Every error of a call as a status of gRPC, with its stable code in details and metadata. What nobody foresaw is
 * `INTERNAL`: logged whole, told as nothing.
 */
@Catch()
export class RefusalFilter implements RpcExceptionFilter {
  private readonly logger = new Logger('grpc');

  catch(error: unknown, host: ArgumentsHost): Observable<never> {
    const call = host.getArgByIndex<Call | undefined>(2);
    const refusal = refusalOf(error);
    if (call?.cancelled !== true) this.report(refusal, error, call);
    return throwError(() => statusOf(refusal));
  }

  /** A full line and a busy house are answers, not incidents: only what somebody must look at is logged. */
  private report(refusal: AppError, error: unknown, call: Call | undefined): void {
    const about = { method: call?.getPath(), code: refusal.code };
    if (refusal.code === 'INTERNAL') this.logger.error({ ...about, message: 'A call failed', err: error });
    if (refusal.code === 'UNAVAILABLE')
      this.logger.warn({ ...about, message: 'A call met an outage', err: refusal.cause ?? error });
  }
}

/** Any error as one of the catalogue. */
export function refusalOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return isRetryable(error)
    ? new AppError('UNAVAILABLE', undefined, { retryAfterSeconds: 1 }, { cause: error })
    : new AppError('INTERNAL', undefined, {}, { cause: error });
}

/** What gRPC sends for a refusal. */
export function statusOf(refusal: AppError): ServerErrorResponse {
  const code = status[GRPC_STATUS[refusal.code]];
  const metadata = new Metadata();
  metadata.set(CODE_METADATA, refusal.code);
  metadata.set('grpc-status-details-bin', statusDetails(code, refusal));
  const { retryAfterSeconds } = refusal.details;
  if (typeof retryAfterSeconds === 'number')
    metadata.set('retry-after', String(Math.max(1, Math.ceil(retryAfterSeconds))));
  return { name: refusal.code, message: messageOf(refusal), code, details: messageOf(refusal), metadata };
}
