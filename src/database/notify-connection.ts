import { Client } from 'pg';

/** A message for everybody who listens on the channel. The payload must have less than 8000 bytes. */
export interface Notification {
  readonly channel: string;
  readonly payload: string;
}

export interface NotifyHandlers {
  /** Connected, for the first time or again: what was sent in between was missed. */
  readonly up?: () => void;
  readonly notified?: (notification: Notification) => void;
  readonly failed?: (error: unknown) => void;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;
const TIMEOUT_MS = 5000;

const NOTIFY = {
  name: 'notify',
  text: 'select pg_notify(channel, payload) from unnest($1::text[], $2::text[]) as message (channel, payload)',
};

/** Channels go into the statement as they are. */
const CHANNEL = /^[a-z_]+$/;

/**
 * One connection of its own for NOTIFY and LISTEN that comes back by itself, with backoff, for as long as it is
 * not closed. Nothing is kept for the time without a connection.
 */
export class NotifyConnection {
  private client: Client | null = null;
  private opening: Promise<void> | null = null;
  private retry: NodeJS.Timeout | undefined;
  private failures = 0;
  private closed = false;

  /** @param channels those to listen on */
  constructor(
    private readonly url: string,
    private readonly channels: readonly string[],
    private readonly handlers: NotifyHandlers,
  ) {
    if (!channels.every((channel) => CHANNEL.test(channel)))
      throw new TypeError('A channel is letters and _');
  }

  get connected(): boolean {
    return this.client !== null;
  }

  /** Begins to connect; does not wait for it. Idempotent. */
  open(): void {
    if (this.closed || this.client !== null || this.opening !== null) return;
    this.opening = this.connect().finally(() => {
      this.opening = null;
    });
  }

  /**
   * Sends in one transaction, in order. Rejects where there is no connection or it breaks; whether the messages
   * went out is then not known.
   */
  async notify(messages: readonly Notification[]): Promise<void> {
    await this.connection().query({
      ...NOTIFY,
      values: [messages.map(({ channel }) => channel), messages.map(({ payload }) => payload)],
    });
  }

  /** The database's time, in ms since 1970. */
  async time(): Promise<number> {
    const { rows } = await this.connection().query<{ ms: string }>(
      'select extract(epoch from clock_timestamp()) * 1000 as ms',
    );
    return Number(rows[0]?.ms);
  }

  /** Keeps a message that is too long for a notification where Socket.IO's adapter fetches it; gives its id. */
  async attach(payload: Uint8Array): Promise<string> {
    const { rows } = await this.connection().query<{ id: string }>(
      'insert into socket_io_attachments (payload) values ($1) returning id',
      [payload],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('The attachment was not stored');
    return row.id;
  }

  /** Disconnects. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.retry);
    await this.opening;
    const { client } = this;
    this.client = null;
    await client?.end();
  }

  private connection(): Client {
    if (this.client === null) throw new Error('There is no connection to the database');
    return this.client;
  }

  private async connect(): Promise<void> {
    const client = new Client({
      connectionString: this.url,
      application_name: 'fairline-notify',
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
      keepAlive: true,
      options: '-c jit=off -c timezone=UTC',
    });
    // Unheard, the event would end the process.
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, null));
    client.on('notification', ({ channel, payload }) =>
      this.handlers.notified?.({ channel, payload: payload ?? '' }),
    );
    try {
      await client.connect();
      for (const channel of this.channels) await client.query(`listen ${channel}`);
    } catch (error) {
      this.handlers.failed?.(error);
      client.end().catch(() => undefined);
      this.scheduleRetry();
      return;
    }
    if (this.closed) {
      await client.end();
      return;
    }
    this.client = client;
    this.failures = 0;
    this.handlers.up?.();
  }

  private lost(client: Client, error: Error | null): void {
    if (this.client !== client) return;
    this.client = null;
    if (error !== null) this.handlers.failed?.(error);
    client.end().catch(() => undefined);
    this.scheduleRetry();
  }

  private scheduleRetry(): void {
    if (this.closed) return;
    clearTimeout(this.retry);
    const backoff = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 10);
    this.retry = setTimeout(() => this.open(), backoff * (0.5 + Math.random() / 2));
    this.retry.unref();
  }
}
