import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Config, PAYMENT_PROVIDERS, QUEUE_TYPES, ROLES, type QueueType, type Role } from './config.js';
import { challengeSettings } from './challenge.js';
import { grpcSettings } from './grpc.js';
import { kafkaSettings } from './kafka.js';
import { rateLimits } from './rate-limits.js';
import { Reader } from './reader.js';
import { redisSettings } from './redis.js';
import { remoteSettings } from './remote.js';
import { refuseUnsafe } from './production.js';
import { socketLimits } from './sockets.js';
import { stripeSettings } from './stripe.js';

/** All mistakes of a configuration, in one message. */
export class ConfigError extends Error {
  constructor(readonly mistakes: readonly string[]) {
    super(
      `The configuration has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${mistakes.map((m) => `  - ${m}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
const ENVIRONMENTS = ['production', 'development', 'test'] as const;

const ORIGIN = {
  test: (item: string) => item === '*' || (URL.canParse(item) && new URL(item).origin === item),
  means: 'origins like https://tickets.example.org, or *',
};
const NETWORK = { test: isNetwork, means: 'addresses or networks like 10.0.0.0/8' };

/**
 * Environment and arguments to one frozen `Config`.
 * @throws ConfigError with every mistake at once.
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[] = [],
): Config {
  const read = new Reader(env);
  const environment = read.oneOf('NODE_ENV', ENVIRONMENTS, 'development');
  const port = read.integer('PORT', 3000, 0, 65535);
  const jobDeadlineMs = read.integer('JOB_DEADLINE_SECONDS', 60, 1, 3600) * 1000;
  const provider = read.oneOf('PAYMENT_PROVIDER', PAYMENT_PROVIDERS, 'sandbox');
  const config: Config = {
    environment,
    role: role(read, argv),
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    dataDir: resolve(read.textOr('DATA_DIR', '.fairline')),
    shutdownTimeoutMs: read.integer('SHUTDOWN_TIMEOUT_SECONDS', 20, 1, 600) * 1000,
    http: {
      host: read.textOr('HOST', environment === 'production' ? '0.0.0.0' : '127.0.0.1'),
      port,
      publicUrl: (read.url('PUBLIC_URL', ['http:', 'https:']) ?? `http://127.0.0.1:${port}`).replace(
        /\/+$/,
        '',
      ),
      apiProcesses: read.integer('API_PROCESSES', 1, 1, 64),
      bodyLimitBytes: read.integer('BODY_LIMIT_BYTES', 16384, 1024, 1048576),
      corsOrigins: read.list('CORS_ORIGINS', ORIGIN),
      trustedProxies: read.list('TRUSTED_PROXIES', NETWORK),
      boardWritable: read.boolean('BULL_BOARD_WRITABLE', false),
    },
    grpc: grpcSettings(read),
    sockets: socketLimits(read),
    prometheusPort: read.integer('PROMETHEUS_PORT', 9100, 0, 65535),
    database: {
      url: read.url('DATABASE_URL', ['postgres:', 'postgresql:']),
      poolSize: read.integer('DATABASE_POOL_SIZE', 10, 2, 200),
    },
    line: {
      maxLength: read.integer('QUEUE_MAX_LENGTH', 100_000, 1, 10_000_000),
      holdSeconds: read.integer('BOOKING_TIMEOUT_SECONDS', 120, 1, 86_400),
    },
    accept: {
      maxBatch: read.integer('ACCEPT_MAX_BATCH', 500, 1, 5000),
      maxPending: read.integer('ACCEPT_MAX_PENDING', 20_000, 1, 1_000_000),
      maxWaitMs: read.integer('ACCEPT_MAX_WAIT_MS', 5000, 10, 60_000),
    },
    queue: {
      type: queueType(read),
      name: read.textOr('QUEUE_NAME', 'booking-queue', {
        test: /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/,
        means: 'at most 48 letters, digits, "-" and "_"',
      }),
      redis: redisSettings(read),
      kafka: kafkaSettings(read),
    },
    worker: {
      concurrency: read.integer('WORKER_CONCURRENCY', 16, 1, 1000),
      attempts: read.integer('JOB_ATTEMPTS', 8, 1, 50),
      backoffMs: read.integer('JOB_BACKOFF_MS', 500, 1, 600_000),
      maxBackoffMs: read.integer('JOB_MAX_BACKOFF_MS', 60_000, 1, 3_600_000),
      jobDeadlineMs,
      stepDelaysMs: stepDelays(read),
      sweepIntervalMs: read.integer('SWEEP_INTERVAL_MS', 250, 10, 10_000),
    },
    data: {
      retentionDays:
        read.text('DATA_RETENTION_DAYS') === null ? null : read.integer('DATA_RETENTION_DAYS', 1, 1, 36_500),
    },
    auth: {
      required: read.boolean('AUTH_REQUIRED', environment === 'production'),
      jwtSecret: read.text('JWT_SECRET'),
      jwksUrl: read.url('JWKS_URL', ['https:', 'http:']),
      issuer: read.text('JWT_ISSUER'),
      audience: read.text('JWT_AUDIENCE'),
      mustExpire: environment === 'production',
    },
    rateLimits: rateLimits(read),
    challenge: challengeSettings(read),
    mail: {
      smtpUrl: read.url('SMTP_URL', ['smtp:', 'smtps:']),
      from: read.textOr('MAIL_FROM', 'Fairline <tickets@localhost>'),
    },
    payment: {
      provider,
      stripe: stripeSettings(read, provider),
      sandbox: {
        delayMs: read.integer('SANDBOX_DELAY_MS', 0, 0, 60_000),
        declineRate: read.share('SANDBOX_DECLINE_RATE'),
        errorRate: read.share('SANDBOX_ERROR_RATE'),
        unknownRate: read.share('SANDBOX_UNKNOWN_RATE'),
      },
      settleAfterMs: read.integer('PAYMENT_SETTLE_AFTER_SECONDS', 30, 1, 3600) * 1000,
    },
    remote: remoteSettings(read),
  };
  if (config.auth.jwtSecret !== null && Buffer.byteLength(config.auth.jwtSecret) < 32) {
    read.refuse('JWT_SECRET must have at least 32 bytes');
  }
  refuseWithoutBroker(config.queue, read);
  if (environment === 'production') refuseUnsafe(config, read);
  if (read.mistakes.length > 0) throw new ConfigError(read.mistakes);
  return deepFreeze(config);
}

function isNetwork(item: string): boolean {
  const [address = '', bits, more] = item.split('/');
  const version = isIP(address);
  if (version === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function role(read: Reader, argv: readonly string[]): Role {
  let named: string | undefined;
  try {
    named = parseArgs({ args: [...argv], options: { role: { type: 'string' } } }).values.role;
  } catch (error) {
    read.refuse(error instanceof Error ? error.message : String(error));
  }
  if (named === undefined) return read.oneOf('ROLE', ROLES, 'all');
  const found = ROLES.find((item) => item === named);
  if (found === undefined)
    read.refuse(`--role must be one of ${ROLES.join(', ')}, not ${JSON.stringify(named)}`);
  return found ?? 'all';
}

function queueType(read: Reader): QueueType {
  return read.text('QUEUE_TYPE') === 'redis' ? 'streams' : read.oneOf('QUEUE_TYPE', QUEUE_TYPES, 'bullmq');
}

/** What was chosen needs a broker to be named: none is guessed. */
function refuseWithoutBroker({ type: chosen, redis, kafka }: Config['queue'], read: Reader): void {
  switch (chosen) {
    case 'bullmq':
      if (redis?.kind === 'cluster') {
        read.refuse('QUEUE_TYPE=bullmq does not run on a Redis Cluster: use QUEUE_TYPE=streams');
      }
      return;
    case 'streams':
      if (redis === null) {
        read.refuse('QUEUE_TYPE=streams needs REDIS_URL, REDIS_HOST, REDIS_CLUSTER_NODES or REDIS_SENTINELS');
      }
      return;
    case 'kafka':
      if (kafka === null) read.refuse('QUEUE_TYPE=kafka needs KAFKA_BOOTSTRAP_SERVERS, like host:9092');
      return;
    default:
      return chosen satisfies never;
  }
}

function stepDelays(read: Reader): Config['worker']['stepDelaysMs'] {
  const list = read.list('STEP_SECONDS').map(Number);
  const [validate, payment, pdf, email, inventory] = list;
  if (list.length === 0) return [0, 0, 0, 0, 0];
  const valid = list.length === 5 && list.every((n) => Number.isFinite(n) && n >= 0 && n <= 60);
  if (!valid) {
    read.refuse('STEP_SECONDS must be five numbers from 0 to 60, separated by commas');
    return [0, 0, 0, 0, 0];
  }
  const ms = (seconds: number | undefined): number => Math.round((seconds ?? 0) * 1000);
  return [ms(validate), ms(payment), ms(pdf), ms(email), ms(inventory)];
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
