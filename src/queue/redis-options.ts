import type { RedisSettings } from '../config/redis.js';
import { readTls } from './tls.js';

/** What ioredis needs to reach one server, directly or by its sentinels; a cluster's nodes are given beside it. */
export interface RedisOptions {
  readonly host?: string;
  readonly port?: number;
  readonly sentinels?: { host: string; port: number }[];
  readonly name?: string;
  readonly sentinelPassword?: string;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer };
  readonly sentinelTLS?: { ca?: Buffer; cert?: Buffer; key?: Buffer };
  readonly enableTLSForSentinelMode?: boolean;
}

/** @throws BrokerError where a certificate cannot be read */
export function redisOptions(settings: RedisSettings): RedisOptions {
  const { kind, nodes, username, password, database, tls } = settings;
  const certificates = tls === null ? null : readTls(tls, nameOfRedis(settings));
  return {
    db: database,
    ...(kind === 'single' && nodes[0]),
    ...(kind === 'sentinel' && sentinelOptions(settings)),
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    ...(certificates !== null && { tls: certificates }),
    ...(certificates !== null &&
      kind === 'sentinel' && { sentinelTLS: certificates, enableTLSForSentinelMode: true }),
  };
}

function sentinelOptions({ nodes, sentinelName, sentinelPassword }: RedisSettings): Partial<RedisOptions> {
  return {
    sentinels: nodes.map(({ host, port }) => ({ host, port })),
    ...(sentinelName !== null && { name: sentinelName }),
    ...(sentinelPassword !== null && { sentinelPassword }),
  };
}

/** Where Redis is, for messages: no credentials. */
export function nameOfRedis({ kind, nodes, sentinelName }: RedisSettings): string {
  const where = nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
  switch (kind) {
    case 'single':
      return `Redis at ${where}`;
    case 'cluster':
      return `Redis Cluster at ${where}`;
    case 'sentinel':
      return `Redis ${sentinelName ?? ''} of the sentinels at ${where}`;
    default:
      return kind satisfies never;
  }
}
