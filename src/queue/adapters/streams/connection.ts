import { Cluster, Redis } from 'ioredis';
import type { RedisSettings } from '../../../config/redis.js';
import { isDemoted, type RedisCall, tellingRedisError } from '../../redis-health.js';
import { nameOfRedis, redisOptions } from '../../redis-options.js';
import type { Script } from './lua.js';

/** A Redis that does not answer within this time counts as away, in ms. */
export const BROKER_TIMEOUT_MS = 5000;
/** For one node of a cluster that could not be used, to say why. */
const NODE_TIMEOUT_MS = 2000;
/** A wait for something new ends after this time at most, in ms. */
export const WAIT_MS = 2000;

/** Told of what went wrong and was survived. */
export type Report = (what: string, error: unknown) => void;
type Client = Redis | Cluster;
type Argument = string | number;

/** `publishing` sends what was in doubt again; `consuming` never does; `waiting` asks with commands that block. */
export type Purpose = 'publishing' | 'consuming' | 'waiting';

const reconnectAfterMs = (times: number): number => Math.min(50 * times, 1000);

/** One connection to Redis, to each node of it where it is a cluster. Commands fail at once while it is away. */
export class Connection {
  readonly name: string;
  private readonly client: Client;
  private readonly seen: unknown[] = [];

  /**
   * Does not connect yet. Connects anew where its server is no master any more, and says so to `demoted`.
   */
  constructor(
    private readonly settings: RedisSettings,
    purpose: Purpose,
    report: Report,
    demoted: () => void = () => undefined,
  ) {
    this.name = nameOfRedis(settings);
    this.client = makeClient(settings, purpose, demoted);
    this.client.on('error', (error: unknown) => {
      this.note(error);
      report(`Redis (${purpose})`, error);
    });
    // of a cluster: what keeps one of its nodes from being used
    this.client.on('node error', (error: unknown) => this.note(error));
  }

  /** @throws BrokerError within seconds; the connection is closed then */
  async open(): Promise<void> {
    this.seen.length = 0;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), BROKER_TIMEOUT_MS);
    });
    try {
      await Promise.race([this.client.connect(), late]);
    } catch (error) {
      this.client.disconnect();
      const ofNodes = await nodeErrors(this.settings);
      throw tellingRedisError(this.name, [error, nodeError(error), ...this.seen, ...ofNodes].filter(Boolean));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a script that Redis may know already. */
  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.client.eval(script.body, keys.length, ...keys, ...args);
    }
  }

  async add(stream: string, message: string): Promise<void> {
    await this.client.xadd(stream, '*', 'm', message);
  }

  /** Wakes whoever waits for this stream, of which one entry is kept. */
  async wake(stream: string): Promise<void> {
    await this.client.xadd(stream, 'MAXLEN', 1, '*', 'w', '1');
  }

  /** Resolves as soon as one of these streams has an entry after the id given, or after `ms`. */
  async waitFor(streams: readonly string[], after: readonly string[], ms: number): Promise<void> {
    await this.client.xread('COUNT', 1, 'BLOCK', Math.max(1, Math.ceil(ms)), 'STREAMS', ...streams, ...after);
  }

  /** The newest entries first. */
  newest(stream: string, count: number): Promise<[id: string, fields: string[]][]> {
    return this.client.xrevrange(stream, '+', '-', 'COUNT', count);
  }

  async set(key: string, value: string, keptMs?: number): Promise<void> {
    await (keptMs === undefined ? this.client.set(key, value) : this.client.set(key, value, 'PX', keptMs));
  }

  async remove(key: string): Promise<void> {
    await this.client.del(key);
  }

  /** One call per server that holds keys. */
  servers(): RedisCall[] {
    const nodes = this.client instanceof Cluster ? this.client.nodes('master') : [this.client];
    return nodes.map(
      (node) =>
        (command, ...args) =>
          node.call(command, ...args),
    );
  }

  /** To the server that holds the key of the command, its first argument. */
  readonly call: RedisCall = (command, ...args) => this.client.call(command, ...args);

  /** What waits for an answer is rejected. */
  reconnect(): void {
    this.client.disconnect(true);
  }

  /** Ends it now; what waits for an answer is rejected. Idempotent. */
  disconnect(): void {
    this.client.disconnect();
  }

  /** For what `open` has to tell. */
  private note(error: unknown): void {
    if (this.seen.length < 20) this.seen.push(error);
  }
}

function makeClient(settings: RedisSettings, purpose: Purpose, demoted: () => void): Client {
  const server = {
    ...redisOptions(settings),
    lazyConnect: true,
    enableOfflineQueue: false,
    // 0: what was under way when the connection broke is rejected then, not left until its time is up
    maxRetriesPerRequest: purpose === 'publishing' ? 1 : 0,
    autoResendUnfulfilledCommands: purpose === 'publishing',
    ...(purpose === 'waiting'
      ? { blockingTimeout: WAIT_MS, blockingTimeoutGrace: BROKER_TIMEOUT_MS }
      : { commandTimeout: BROKER_TIMEOUT_MS }),
    connectTimeout: BROKER_TIMEOUT_MS,
    disconnectTimeout: 200,
    retryStrategy: reconnectAfterMs,
    sentinelRetryStrategy: reconnectAfterMs,
    reconnectOnError: (error: Error) => {
      const isOver = isDemoted(error);
      if (isOver) demoted();
      return isOver;
    },
    enableAutoPipelining: purpose === 'publishing',
  };
  if (settings.kind !== 'cluster') return new Redis(server);
  return new Cluster([...settings.nodes], {
    redisOptions: server,
    // connects by the name that was given, which is the one that a certificate carries
    dnsLookup: (host, done) => done(null, host),
    lazyConnect: true,
    enableOfflineQueue: false,
    enableAutoPipelining: purpose === 'publishing',
    slotsRefreshTimeout: BROKER_TIMEOUT_MS,
    clusterRetryStrategy: reconnectAfterMs,
    maxRedirections: 4,
  });
}

/** The client of a cluster keeps to itself why it could not connect to a node: each is asked alone. */
async function nodeErrors(settings: RedisSettings): Promise<unknown[]> {
  if (settings.kind !== 'cluster') return [];
  return Promise.all(
    settings.nodes.map(async (node) => {
      const limits = { connectTimeout: NODE_TIMEOUT_MS, commandTimeout: NODE_TIMEOUT_MS };
      const alone = { ...limits, lazyConnect: true, retryStrategy: () => null };
      const client = new Redis({ ...redisOptions(settings), ...node, ...alone });
      const seen: unknown[] = [];
      client.on('error', (error: unknown) => seen.push(error));
      await client.connect().catch((error: unknown) => seen.push(error));
      client.disconnect();
      return seen[0];
    }),
  );
}

/** What the last node of a cluster said, where none of them could be used. */
function nodeError(error: unknown): unknown {
  return error instanceof Error && 'lastNodeError' in error ? error.lastNodeError : null;
}
