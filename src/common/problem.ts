import { HttpException } from '@nestjs/common';
import { AppError, ERRORS, type ErrorCode, type ErrorDetails } from './errors.js';
import { quotaField, standingField } from './rate-limit-fields.js';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** One thing that is wrong with what was sent. */
export interface FieldError {
  /** Dotted path; empty where the whole is meant. */
  readonly field: string;
  readonly message: string;
}

/** An answer of RFC 9457, ready to be sent by any server. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Where an error happened, for the reader of the answer. */
export interface Occurrence {
  /** Path of the request; the query is left out. */
  readonly instance?: string | undefined;
  readonly correlationId?: string | undefined;
}

export function problemOf(error: AppError, at: Occurrence): Problem {
  const { status, title } = ERRORS[error.code];
  const headers: Record<string, string> = { 'content-type': PROBLEM_CONTENT_TYPE };
  const { retryAfterSeconds } = error.details;
  if (typeof retryAfterSeconds === 'number')
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  if (error.code === 'RATE_LIMITED') Object.assign(headers, limitFields(error.details));
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  const body = JSON.stringify({
    // First, so that no detail replaces a member that the RFC or this API defines.
    ...error.details,
    type: `urn:fairline:error:${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.detail,
    instance: at.instance,
    correlationId: at.correlationId,
  });
  return { status, headers, body };
}

/** What a refusal says of the limit, as fields too; `retryAfterSeconds` is beside them. */
function limitFields({
  limit,
  quota,
  windowSeconds,
  retryAfterSeconds,
}: ErrorDetails): Record<string, string> {
  if (typeof limit !== 'string') return {};
  const isKnown = typeof quota === 'number' && typeof windowSeconds === 'number';
  const after = typeof retryAfterSeconds === 'number' ? retryAfterSeconds : 0;
  return {
    ...(isKnown ? { 'ratelimit-policy': quotaField(limit, quota, windowSeconds) } : {}),
    ratelimit: standingField(limit, 0, after),
  };
}

/** An answer is no larger than what it answers: a body of a thousand unknown fields is told the first of them. */
const MAX_ERRORS = 20;

/** What is wrong with a request, as one refusal. */
export function validationFailed(errors: readonly FieldError[]): AppError {
  return new AppError('VALIDATION_FAILED', errors[0]?.message, { errors: errors.slice(0, MAX_ERRORS) });
}

/** The codes of Fastify that mean something of their own in the catalogue. */
const BY_FASTIFY_CODE: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'MALFORMED_BODY',
  FST_ERR_CTP_INVALID_JSON_BODY: 'MALFORMED_BODY',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'MALFORMED_BODY',
  // No id of ours is that long.
  FST_ERR_MAX_PARAM_LENGTH: 'NOT_FOUND',
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  503: 'UNAVAILABLE',
};

/** Whatever a framework throws, as an error of the catalogue; null where nobody foresaw it. */
export function asAppError(error: unknown): AppError | null {
  if (error instanceof AppError) return error;
  if (error instanceof HttpException) {
    // The adapter wraps Fastify's own errors; their code says more than the status.
    return (
      (error.cause === undefined ? null : asAppError(error.cause)) ??
      byStatus(error.getStatus(), error.message, error)
    );
  }
  if (!(error instanceof Error)) return null;
  const fields = schemaErrors(error);
  if (fields !== null) return validationFailed(fields);
  const byCode = 'code' in error && typeof error.code === 'string' ? BY_FASTIFY_CODE[error.code] : undefined;
  if (byCode !== undefined) return new AppError(byCode, undefined, {}, { cause: error });
  if (error.name === 'FastifyError' && 'statusCode' in error && typeof error.statusCode === 'number') {
    return byStatus(error.statusCode, error.message, error);
  }
  return null;
}

function byStatus(status: number, message: string, cause: Error): AppError | null {
  const named = BY_STATUS[status];
  // A framework's words for these ("Cannot GET /…") repeat the request and say no more than the title.
  if (named !== undefined) return new AppError(named, undefined, {}, { cause });
  return status >= 400 && status < 500 ? new AppError('VALIDATION_FAILED', message, {}, { cause }) : null;
}

/** The errors of a route's schema, as Fastify attaches them; null where these are none. */
function schemaErrors(error: Error): FieldError[] | null {
  if (!('validation' in error) || !Array.isArray(error.validation)) return null;
  // That a branch of the schema was not met says nothing beside what is wrong in it.
  return error.validation.filter((issue) => textMember(issue, 'keyword') !== 'if').map(schemaError);
}

function schemaError(issue: unknown): FieldError {
  const path = textMember(issue, 'instancePath').split('/').slice(1);
  const parameters = isRecord(issue) ? issue['params'] : undefined;
  const named = textMember(parameters, 'missingProperty') || textMember(parameters, 'additionalProperty');
  const field = [...path, ...(named === '' ? [] : [named])].join('.');
  return { field, message: `${field === '' ? 'the body' : field} ${inWords(issue)}` };
}

/** Said for people where ajv speaks of properties and patterns. */
function inWords(issue: unknown): string {
  switch (textMember(issue, 'keyword')) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return 'is not a known field';
    case 'pattern':
      return 'has a form or characters that are not allowed';
    default:
      return textMember(issue, 'message');
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

function textMember(value: unknown, name: string): string {
  const member = isRecord(value) ? value[name] : undefined;
  return typeof member === 'string' ? member : '';
}
