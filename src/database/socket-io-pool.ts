import { Pool, type PoolClient } from 'pg';

/** Guards the creation against two processes that start at once; any fixed number does. */
const CREATE_LOCK = 7_041_777;

/** Socket.IO's adapter puts messages here that are too long for a notification, and removes them after 30 s. */
const ATTACHMENTS = `
  create table if not exists socket_io_attachments (
    id bigint generated always as identity primary key,
    created_at timestamptz not null default now(),
    payload bytea not null
  )`;

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/**
 * The connections of Socket.IO's PostgreSQL adapter: one that listens, and those that publish.
 *
 * The adapter reconnects when its listening connection ends, but neither hears that connection's errors (which
 * would end the process) nor gives it back (which would exhaust the pool), and it goes on trying after it was
 * closed. This pool makes up for the three.
 */
export class SocketIoPool extends Pool {
  /** Connections that the adapter took out to listen on. */
  private readonly listening = new Set<PoolClient>();
  private shut: Promise<void> | undefined;

  constructor(url: string) {
    super({
      connectionString: url,
      application_name: 'fairline-socket-io',
      max: 3,
      connectionTimeoutMillis: 5000,
      query_timeout: 5000,
      keepAlive: true,
    });
    this.on('error', () => undefined);
    this.on('release', (_error, client) => this.listening.delete(client));
    this.on('connect', (client) => {
      client.on('error', () => undefined);
      client.on('end', () => this.reclaim(client));
    });
  }

  /** The pool, with the table that the adapter needs. */
  static async create(url: string): Promise<SocketIoPool> {
    const pool = new SocketIoPool(url);
    try {
      await pool.query(`begin; select pg_advisory_xact_lock(${CREATE_LOCK}); ${ATTACHMENTS}; commit`);
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<PoolClient> | void {
    if (callback !== undefined) return super.connect(callback);
    return this.listener();
  }

  /** Ends every connection, after the queries under way. Idempotent. */
  close(): Promise<void> {
    this.shut ??= this.end();
    for (const client of [...this.listening]) this.reclaim(client);
    return this.shut;
  }

  private async listener(): Promise<PoolClient> {
    const client = this.shut === undefined ? await super.connect() : null;
    // An adapter that is told no would try again for ever; it is closed and wants nothing any more.
    if (client === null || this.shut !== undefined) {
      client?.release(true);
      return await new Promise(() => undefined);
    }
    this.listening.add(client);
    return client;
  }

  private reclaim(client: PoolClient): void {
    if (this.listening.has(client)) client.release(true);
  }
}
