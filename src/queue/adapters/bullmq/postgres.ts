import { PostgresConnection, PostgresQueueBackend, runMigrations } from 'bullmq';
import pg from 'pg';
import { BROKER_TIMEOUT_MS, type Broker, type Report } from './broker.js';

/** BullMQ's tables live in a schema of their own, beside the ledger's. */
const SCHEMA = 'bullmq';
const PUBLISHER_CONNECTIONS = 4;
const WORKER_CONNECTIONS = 3;

const settings = (url: string, max: number) => ({
  connectionString: url,
  schema: SCHEMA,
  max,
  application_name: 'fairline-queue',
  connectionTimeoutMillis: BROKER_TIMEOUT_MS,
  query_timeout: 3 * BROKER_TIMEOUT_MS,
  keepAlive: true,
});

/**
 * BullMQ on PostgreSQL, its schema made or brought up to date first. Safe when several processes start at once:
 * BullMQ takes an advisory lock for its migrations.
 * @throws Error when PostgreSQL does not answer.
 */
export async function connectPostgres(url: string, report: Report): Promise<Broker> {
  await migrate(url);
  const shared = new PostgresConnection(settings(url, PUBLISHER_CONNECTIONS));
  shared.on('error', (error: unknown) => report('PostgreSQL (publishing)', error));
  try {
    await shared.waitUntilReady();
  } catch (error) {
    await shared.close();
    throw error;
  }
  return {
    technology: 'bullmq-postgres',
    publishers: (name, opts) => new PostgresQueueBackend(shared, name, { ...opts, connection: url }, false),
    consumers: (name, opts) => {
      const own = new PostgresConnection(settings(url, WORKER_CONNECTIONS));
      return new SteadyBackend(own, name, { ...opts, connection: url }, true, name);
    },
    version: async () => {
      const { rows }: { rows: readonly Record<string, unknown>[] } = await shared.pool.query(
        "SELECT split_part(current_setting('server_version'), ' ', 1) AS version",
      );
      const version = rows[0]?.['version'];
      return typeof version === 'string' ? version : null;
    },
    close: () => shared.close(),
  };
}

async function migrate(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: BROKER_TIMEOUT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await runMigrations(client, SCHEMA);
  } finally {
    await client.end();
  }
}

/**
 * BullMQ's worker waits and tries again after a refused connection alone. On any other error it asks for the next
 * job at once, a busy loop while a server restarts, and gives a finished job up as failed. So every way of losing
 * the server is shown to it as the one that it handles.
 */
class SteadyBackend extends PostgresQueueBackend {
  override moveToActive(...args: Parameters<PostgresQueueBackend['moveToActive']>) {
    return patiently(
      () => super.moveToActive(...args),
      () => true,
    );
  }
  override moveToCompleted(...args: Parameters<PostgresQueueBackend['moveToCompleted']>) {
    return patiently(() => super.moveToCompleted(...args), isPassing);
  }
  override moveToFailed(...args: Parameters<PostgresQueueBackend['moveToFailed']>) {
    return patiently(() => super.moveToFailed(...args), isPassing);
  }
  override moveToDelayed(...args: Parameters<PostgresQueueBackend['moveToDelayed']>) {
    return patiently(() => super.moveToDelayed(...args), isPassing);
  }
  override retryJob(...args: Parameters<PostgresQueueBackend['retryJob']>) {
    return patiently(() => super.retryJob(...args), isPassing);
  }
  /** A check that failed is no reason for BullMQ's pause of five seconds: the next one is due before that. */
  override async moveStalledJobsToWait(): Promise<string[]> {
    try {
      return await super.moveStalledJobsToWait();
    } catch (error) {
      this.emit('error', error);
      return [];
    }
  }
}

class ServerAway extends Error {
  readonly code = 'ECONNREFUSED';
}

async function patiently<R>(work: () => Promise<R>, passes: (error: unknown) => boolean): Promise<R> {
  try {
    return await work();
  } catch (error) {
    if (passes(error)) throw new ServerAway('PostgreSQL is away', { cause: error });
    throw error;
  }
}

/** SQLSTATE classes of a lost connection, a server that stops or starts, no free connection, a deadlock. */
const PASSING_STATE = /^(08...|57P0[1-5]|53300|40001|40P01)$/;
const PASSING_ERRNO =
  /^E(CONNREFUSED|NOENT|CONNRESET|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$/;
const PASSING_MESSAGE = /connection terminated|timeout|connection error|not queryable|client was closed/i;

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  if (PASSING_STATE.test(code) || PASSING_ERRNO.test(code)) return true;
  return code === '' && PASSING_MESSAGE.test(error.message);
}
