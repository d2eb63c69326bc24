import type { Reader } from './reader.js';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Certificates as files of PEM; null leaves it to the machine's own. */
export interface TlsFiles {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** How to reach a Redis: one server, a cluster, or a server that sentinels watch. */
export interface RedisSettings {
  readonly kind: 'single' | 'cluster' | 'sentinel';
  /** One for `single`; else some of the cluster's nodes, or the sentinels. */
  readonly nodes: readonly HostPort[];
  /** The name under which sentinels know the server; null but for `sentinel`. */
  readonly sentinelName: string | null;
  readonly sentinelPassword: string | null;
  readonly username: string | null;
  readonly password: string | null;
  /** The number of the database; 0 in a cluster. */
  readonly database: number;
  /** Null: plain text. */
  readonly tls: TlsFiles | null;
}

export function parseNode(text: string): HostPort | null {
  const match = /^(\[[0-9a-fA-F:]+\]|[^\s:/@]+):(\d{1,5})$/.exec(text);
  const [, host = '', port = ''] = match ?? [];
  if (match === null || Number(port) < 1 || Number(port) > 65535) return null;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

const DEFAULT_PORT = 6379;
const SENTINEL_VARIABLES = ['REDIS_SENTINEL_NAME', 'REDIS_SENTINEL_PASSWORD'] as const;
const SERVER_VARIABLES = ['REDIS_PORT', 'REDIS_USERNAME', 'REDIS_PASSWORD', 'REDIS_TLS'] as const;
/** As `.env.example` has them: taken in, they change nothing. */
const DEFAULTS: Readonly<Record<string, string>> = { REDIS_PORT: String(DEFAULT_PORT), REDIS_TLS: 'false' };

/** A setting without what it is about would be silently without effect. */
function refuseIdle(read: Reader, needs: string, names: readonly string[]): void {
  for (const name of names) {
    const value = read.text(name);
    if (value !== null && value !== DEFAULTS[name]) read.refuse(`${name} needs ${needs}`);
  }
}

/** Null where no variable names a Redis. */
export function redisSettings(read: Reader): RedisSettings | null {
  const url = read.url('REDIS_URL', ['redis:', 'rediss:']);
  const host = read.text('REDIS_HOST');
  const port = read.integer('REDIS_PORT', DEFAULT_PORT, 1, 65535);
  const cluster = nodes(read, 'REDIS_CLUSTER_NODES');
  const sentinels = nodes(read, 'REDIS_SENTINELS');
  const sentinelName = read.text('REDIS_SENTINEL_NAME');
  const named = [
    ['REDIS_URL', url !== null],
    ['REDIS_HOST', host !== null],
    ['REDIS_CLUSTER_NODES', cluster.length > 0],
    ['REDIS_SENTINELS', sentinels.length > 0],
  ] as const;
  const given = named.filter(([, isGiven]) => isGiven).map(([name]) => name);
  if (given.length > 1)
    read.refuse(`${given.slice(0, -1).join(', ')} and ${given.at(-1) ?? ''} are both set: set one`);
  if (sentinels.length > 0 && sentinelName === null) {
    read.refuse('REDIS_SENTINELS needs REDIS_SENTINEL_NAME, the name under which they know the server');
  }
  if (sentinels.length === 0) refuseIdle(read, 'REDIS_SENTINELS', SENTINEL_VARIABLES);
  if (given.length === 0) refuseIdle(read, named.map(([name]) => name).join(' or '), SERVER_VARIABLES);
  if (host === null && given.length > 0) refuseIdle(read, 'REDIS_HOST', ['REDIS_PORT']);
  const from = url === null ? null : fromUrl(read, url);
  const isSecure = url?.startsWith('rediss:') === true;
  const tls = read.boolean('REDIS_TLS', isSecure);
  if (isSecure && !tls) read.refuse('REDIS_URL begins with rediss:// and REDIS_TLS is false: which is it?');
  const common = {
    sentinelName: sentinels.length > 0 ? sentinelName : null,
    sentinelPassword: read.text('REDIS_SENTINEL_PASSWORD'),
    username: read.text('REDIS_USERNAME') ?? from?.username ?? null,
    password: read.text('REDIS_PASSWORD') ?? from?.password ?? null,
    database: from?.database ?? 0,
    tls: tlsFiles(read, 'REDIS_TLS', tls),
  };
  if (from !== null) return { kind: 'single', nodes: [from.node], ...common };
  if (host !== null) return { kind: 'single', nodes: [{ host, port }], ...common };
  if (cluster.length > 0) return { kind: 'cluster', nodes: cluster, ...common };
  if (sentinels.length > 0) return { kind: 'sentinel', nodes: sentinels, ...common };
  return null;
}

/** What is wrong in it is not repeated: somebody may have put a URL with a password there. */
export function nodes(read: Reader, name: string): HostPort[] {
  const items = read.list(name);
  const found = items.flatMap((item) => parseNode(item) ?? []);
  if (found.length < items.length) read.refuse(`${name} must be a list of host:port pairs, without a scheme`);
  return found;
}

/** The files that `<prefix>_CA_FILE`, `_CERT_FILE` and `_KEY_FILE` name; null where TLS is off. */
export function tlsFiles(read: Reader, prefix: string, isOn: boolean): TlsFiles | null {
  const files = {
    caFile: read.text(`${prefix}_CA_FILE`),
    certFile: read.text(`${prefix}_CERT_FILE`),
    keyFile: read.text(`${prefix}_KEY_FILE`),
  };
  if ((files.certFile === null) !== (files.keyFile === null)) {
    read.refuse(`${prefix}_CERT_FILE and ${prefix}_KEY_FILE belong together`);
  }
  if (!isOn && Object.values(files).some((file) => file !== null)) {
    read.refuse(`${prefix}_CA_FILE, ${prefix}_CERT_FILE and ${prefix}_KEY_FILE need ${prefix}=true`);
  }
  return isOn ? files : null;
}

function fromUrl(
  read: Reader,
  text: string,
): { node: HostPort; username: string | null; password: string | null; database: number } {
  const { hostname, port, username, password, pathname } = new URL(text);
  const database = pathname.replace(/^\//, '');
  if (!/^\d{0,5}$/.test(database))
    read.refuse('REDIS_URL may name a database by its number alone, like redis://host:6379/0');
  return {
    node: { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? DEFAULT_PORT : Number(port) },
    username: decoded(read, username),
    password: decoded(read, password),
    database: Number(database) || 0,
  };
}

function decoded(read: Reader, text: string): string | null {
  try {
    return text === '' ? null : decodeURIComponent(text);
  } catch {
    read.refuse('REDIS_URL must have its user name and password percent-encoded: a % is %25');
    return null;
  }
}
