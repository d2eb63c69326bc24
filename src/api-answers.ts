import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { ProblemDto } from './booking/api/dto/answers.dto.js';
import { PROBLEMS } from './booking/api/problems.js';
import { ERRORS, type ErrorCode } from './common/errors.js';

type Components = NonNullable<OpenAPIObject['components']>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = Operation['responses'];
type Schema = NonNullable<Components['schemas']>[string];

/** Refusals of every route. One that every route gets is added here; its headers below, by its status. */
const EVERYWHERE: readonly ErrorCode[] = ['VALIDATION_FAILED', 'RATE_LIMITED', 'UNAVAILABLE', 'INTERNAL'];
/** A parameter of a path is longer than any of ours. */
const WITH_PARAMETERS: readonly ErrorCode[] = ['NOT_FOUND'];
/** A body is read before the route is asked, whether it takes one or not. */
const WITH_BODIES: readonly ErrorCode[] = ['MALFORMED_BODY', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

/** Headers of answers, by name. */
export const HEADERS: NonNullable<Components['headers']> = {
  'X-Request-Id': {
    description: 'Of this request in our logs: that of the caller where it sent one.',
    required: true,
    schema: { type: 'string', maxLength: 64 },
  },
  'WWW-Authenticate': { required: true, schema: { type: 'string', enum: ['Bearer'] } },
  'Retry-After': {
    description: 'Seconds to wait before trying again.',
    schema: { type: 'integer', minimum: 1 },
  },
  RateLimit: {
    description: 'What may follow at once (r), and in how many seconds the whole quota is there again (t).',
    schema: { type: 'string' },
    example: '"customer";r=299;t=1',
  },
  'RateLimit-Policy': {
    description: 'The limit that this counts against: so many requests (q) in so many seconds (w).',
    schema: { type: 'string' },
    example: '"customer";q=300;w=60',
  },
};
const ALWAYS = ['X-Request-Id', 'RateLimit', 'RateLimit-Policy'];
const BY_STATUS: Readonly<Record<string, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/** The answers of an operation: its own, and one for each status that it refuses with. */
export function answersOf(operation: Operation, path: string, method: string): Responses {
  const codes = new Set([
    ...ownCodes(operation),
    ...EVERYWHERE,
    ...(path.includes('{') ? WITH_PARAMETERS : []),
    ...(method === 'get' ? [] : WITH_BODIES),
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes)
    byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  const answers: Responses = {};
  for (const [status, response] of Object.entries(operation.responses)) {
    answers[status] =
      response === undefined || '$ref' in response
        ? response
        : { ...response, headers: { ...response.headers, ...headers(status) } };
  }
  for (const [status, of] of byStatus) answers[String(status)] = refusal(status, of);
  return answers;
}

/** What `@Problems` said; its note is taken away. */
function ownCodes(operation: Operation & { [PROBLEMS]?: { readonly codes: ErrorCode[] } }): ErrorCode[] {
  const { codes } = operation[PROBLEMS] ?? { codes: [] };
  Reflect.deleteProperty(operation, PROBLEMS);
  return codes;
}

function refusal(status: number, codes: readonly ErrorCode[]): Responses[string] {
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('\n\n'),
    headers: headers(String(status)),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: getSchemaPath(ProblemDto) },
            { properties: { status: { enum: [status] }, code: { enum: [...codes] } } },
          ],
        },
      },
    },
  };
}

const headers = (status: string): Record<string, { $ref: string }> =>
  Object.fromEntries(
    [...ALWAYS, ...(BY_STATUS[status] ?? [])].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );

const PARTS: Schema = {
  type: 'object',
  description: 'By the name of the part.',
  additionalProperties: {
    type: 'object',
    required: ['status'],
    properties: { status: { type: 'string', enum: ['up', 'down'] } },
  },
};
const HEALTH: Schema = {
  type: 'object',
  required: ['status', 'details'],
  properties: {
    status: { type: 'string', enum: ['ok', 'error', 'shutting_down'] },
    info: PARTS,
    error: PARTS,
    details: PARTS,
  },
};
const healthAnswer = (status: string, description: string): Responses => ({
  [status]: {
    description,
    headers: headers(status),
    content: { 'application/json': { schema: HEALTH } },
  },
});
const AT_ALL_TIMES = answersOf({ responses: {} }, '', 'get');

/** What is said of the routes of health, which every role serves, most of them without this documentation. */
export const HEALTH_ROUTES: Readonly<Record<string, Partial<Operation>>> = {
  '/health/live': {
    tags: ['health'],
    summary: 'Whether the process lives',
    description: 'Nothing else is asked: no outage of a part is a reason to start it again.',
    responses: { ...AT_ALL_TIMES, ...healthAnswer('200', 'It does.') },
  },
  '/health/ready': {
    tags: ['health'],
    summary: 'Whether it can do its work',
    description: 'Asks every part at once, each for a second at most.',
    responses: {
      ...AT_ALL_TIMES,
      ...healthAnswer('200', 'Every part answers.'),
      ...healthAnswer('503', '`details` says which part does not answer.'),
    },
  },
};
