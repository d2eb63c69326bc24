import { Client, Pool, type PoolClient, type PoolConfig, type QueryResultRow } from 'pg';

/** A statement that the server prepares once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** No statement and no lock of the application waits longer; a client that does not hear back is cut off. */
const LIMITS = '-c statement_timeout=2000 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=2000';
/**
 * Plans of the verbs are made once, often while tables are still empty, and every read in them has its index: whatever
 * the statistics say, it is to be used. Compiling such short plans would cost more than it saves.
 */
export const SETTINGS =
  '-c jit=off -c timezone=UTC -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off';
export const CLIENT_TIMEOUT_MS = 5000;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** `undefined_table`… are bugs; these say that another transaction was in the way and the whole call may be repeated. */
const RETRYABLE = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available: lock_timeout
  '57014', // query_canceled: statement_timeout
  '26000', // invalid_sql_statement_name: of a call sent behind one whose preparing failed
  '42P05', // duplicate_prepared_statement: of one that was prepared again for that
  '25006', // read_only_sql_transaction: a standby, until it is promoted
  '55000', // object_not_in_prerequisite_state: the server takes no connections for now
]);
/** The connection broke: whether a commit happened is not known. Verbs with ids made beforehand may be repeated. */
const BROKEN =
  /ECONNRESET|ECONNREFUSED|connect ENOENT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EPIPE|Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout/;

export const sqlState = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** True where the same call may simply be made again. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined && (RETRYABLE.has(state) || /^(08|53|57P)/.test(state))) return true;
  return BROKEN.test(`${state ?? ''} ${error instanceof Error ? error.message : String(error)}`);
}

/** True for an error that the server told: the connection is in order, unless the server said that it ends. */
export function isAnswer(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && SQLSTATE.test(state) && !/^(08|57P|25006)/.test(state);
}

/** One prepared statement on this connection. */
export async function ask<Row extends QueryResultRow>(
  client: PoolClient,
  { name, text }: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  return (await client.query<Row>({ name, text, values: [...values] })).rows;
}

/** The connections of one process to the ledger. Whoever makes one closes it. */
export class Database {
  protected readonly pool: Pool;
  private closing: Promise<void> | undefined;

  constructor(
    readonly url: string,
    poolSize: number,
    /** Told of connections that broke while idle; the pool replaces them. */
    onIdleError: (error: Error) => void = () => undefined,
    options: Pick<PoolConfig, 'pipeline' | 'query_timeout'> = {},
  ) {
    this.pool = new Pool({
      connectionString: url,
      max: poolSize,
      options: `${LIMITS} ${SETTINGS}`,
      query_timeout: CLIENT_TIMEOUT_MS,
      connectionTimeoutMillis: CLIENT_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'fairline',
      ...options,
    });
    this.pool.on('error', onIdleError);
    // One that breaks at work tells its query, and says so as an event as well: unheard, that ends the process.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** One prepared statement, one round trip. */
  async call<Row extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const client = await this.pool.connect();
    let broken = false;
    try {
      return await ask<Row>(client, statement, values);
    } catch (error) {
      broken = !isAnswer(error);
      throw error;
    } finally {
      // A refusal is an answer: the connection is as good as before, and with it its prepared statements.
      client.release(broken);
    }
  }

  /** Rejects where the database does not answer. */
  async ping(): Promise<void> {
    await this.pool.query('select 1');
  }

  /** A connection of its own without the limits of the pool, in one read-only snapshot, for long reads. */
  async snapshot<T>(read: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({
      connectionString: this.url,
      options: '-c jit=off -c timezone=UTC',
      application_name: 'fairline-read',
    });
    // A connection cut at work ends its query, not the process.
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query('begin isolation level repeatable read read only');
      return await read(client);
    } finally {
      await client.end();
    }
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.pool.end();
    return this.closing;
  }
}
