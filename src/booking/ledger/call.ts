import { isRetryable, sqlState, type Database } from '../../database/database.js';
import { randomUUID } from 'node:crypto';
import type { RequestKey } from './types.js';
import { AppError, ERRORS, type ErrorCode, type ErrorDetails } from '../../common/errors.js';

/** What a verb raises to refuse and undo the whole call; the message is a code of the catalogue. */
const REFUSED = 'FL001';
/** Two calls claimed one idempotency key at once: the second finds it on the next try. */
const UNIQUE_VIOLATION = '23505';
const TRIES = 4;

const isCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text);

/** A refusal that a verb raised, as the application's error; null for any other. */
export function refusal(error: unknown): AppError | null {
  if (sqlState(error) !== REFUSED || !(error instanceof Error) || !isCode(error.message)) return null;
  const detail = 'detail' in error && typeof error.detail === 'string' ? error.detail : '{}';
  return new AppError(error.message, undefined, JSON.parse(detail) as ErrorDetails, { cause: error });
}

/**
 * Calls a verb that answers one JSON value. Every verb is guarded by state and fence, so that a call whose answer
 * was lost may be repeated; deadlocks, time-outs and broken connections are, a few times.
 * @throws AppError where the verb refuses.
 */
export async function callJson<T>(db: Database, verb: string, values: readonly unknown[]): Promise<T> {
  const places = values.map((_, index) => `$${index + 1}`).join(',');
  const statement = { name: verb, text: `select ${verb}(${places}) as answer` };
  return retrying(async () => {
    const [row] = await db.call<{ answer: T }>(statement, values.map(parameter));
    if (row === undefined) throw new Error(`${verb} returned no row`);
    return row.answer;
  });
}

/**
 * A key for one call of a verb that was given none: should its answer be lost and the call be repeated, it finds what
 * it did itself, instead of refusing it.
 */
export const ownKey = (route: string): RequestKey => ({
  customerId: 'fairline:own',
  route,
  key: randomUUID(),
  bodyHash: '',
});

/** Repeats what failed for a passing reason, a little later each time. */
export async function retrying<T>(run: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run(attempt);
    } catch (error) {
      const refused = refusal(error);
      if (refused !== null) throw refused;
      const passing = isRetryable(error) || sqlState(error) === UNIQUE_VIOLATION;
      if (!passing || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10 * 3 ** attempt * (0.5 + Math.random())));
    }
  }
}

/** Objects go as JSON; the driver would turn arrays into PostgreSQL's own. */
function parameter(value: unknown): unknown {
  const isJson =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
  return isJson ? JSON.stringify(value) : value;
}
