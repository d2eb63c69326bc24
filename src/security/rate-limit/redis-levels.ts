import { createHash } from 'node:crypto';
import { Cluster, Redis } from 'ioredis';
import type { RedisSettings } from '../../config/redis.js';
import { redisOptions } from '../../queue/redis-options.js';
import { SharedLevels, type Addition } from './shared-levels.js';

/** A Redis that does not answer within this time counts as away: nobody waits for it but the next exchange. */
const TIMEOUT_MS = 1000;

/**
 * Adds to buckets. KEYS: the buckets. ARGV: for each, how many ms longer it needs to be empty. A bucket is the time in ms,
 * by the server's clock, when it will be empty. Returns, for each, how many ms from now that is, as text.
 */
const ADD = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local levels = {}
for i, key in ipairs(KEYS) do
  local empty_at = math.max(tonumber(redis.call('GET', key) or 0), now) + tonumber(ARGV[i])
  redis.call('SET', key, string.format('%.3f', empty_at), 'PX', math.ceil(empty_at - now) + 1000)
  levels[i] = string.format('%.3f', empty_at - now)
end
return levels`;
const ADD_SHA = createHash('sha1').update(ADD).digest('hex');

/** Buckets in Redis. */
export class RedisLevels extends SharedLevels {
  private readonly client: Redis | Cluster;
  private readonly prefix: string;
  private opening: Promise<void> | undefined;

  /** @param queueName prefix of every key of ours */
  constructor(settings: RedisSettings, queueName: string) {
    super();
    // In a cluster one script reaches the keys of one slot alone: what is in braces decides which.
    this.prefix = `{${queueName}:rate-limit}:`;
    this.client = connect(settings);
    // It connects again by itself, and each exchange that fails is told.
    this.client.on('error', () => undefined);
  }

  override async add(additions: readonly Addition[]): Promise<readonly number[]> {
    // Not before somebody is limited: a worker never asks.
    this.opening ??= this.client.connect().catch(() => undefined);
    await this.opening;
    const keys = additions.map(({ key }) => this.prefix + key);
    const levels = await this.run(
      keys,
      additions.map(({ ms }) => String(ms)),
    );
    if (!Array.isArray(levels)) throw new TypeError('Redis answered with no list of levels');
    return levels.map(Number);
  }

  override close(): Promise<void> {
    this.client.disconnect();
    return Promise.resolve();
  }

  private async run(keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.client.evalsha(ADD_SHA, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.client.eval(ADD, keys.length, ...keys, ...args);
    }
  }
}

function connect(settings: RedisSettings): Redis | Cluster {
  const retry = (times: number): number => Math.min(100 * times, 2000);
  const server = {
    ...redisOptions(settings),
    lazyConnect: true,
    enableOfflineQueue: false,
    // A count that is in doubt is not sent again: it would count twice.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: TIMEOUT_MS,
    connectTimeout: TIMEOUT_MS,
    disconnectTimeout: 200,
    retryStrategy: retry,
    sentinelRetryStrategy: retry,
    // fenced off: another server is the master now
    reconnectOnError: (error: Error) => /^(READONLY|UNBLOCKED)/.test(error.message),
  };
  if (settings.kind !== 'cluster') return new Redis(server);
  return new Cluster([...settings.nodes], {
    redisOptions: server,
    dnsLookup: (host, done) => done(null, host),
    lazyConnect: true,
    enableOfflineQueue: false,
    slotsRefreshTimeout: TIMEOUT_MS,
    clusterRetryStrategy: retry,
  });
}
