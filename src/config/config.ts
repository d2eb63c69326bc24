import type { ChallengeSettings } from './challenge.js';
import type { GrpcSettings } from './grpc.js';
import type { KafkaSettings } from './kafka.js';
import type { RateLimits } from './rate-limits.js';
import type { RedisSettings } from './redis.js';
import type { RemoteSettings } from './remote.js';
import type { SocketLimits } from './sockets.js';
import type { StripeSettings } from './stripe.js';

export const ROLES = ['api', 'worker', 'all'] as const;
export type Role = (typeof ROLES)[number];

export const QUEUE_TYPES = ['bullmq', 'streams', 'kafka'] as const;
export type QueueType = (typeof QUEUE_TYPES)[number];

export const PAYMENT_PROVIDERS = ['sandbox', 'stripe'] as const;
export type PaymentProviderName = (typeof PAYMENT_PROVIDERS)[number];

/**
 * Everything that can be set, parsed and frozen at start by `loadConfig`. It is also its own injection token.
 * Durations are in the unit that the name says. `.env.example` documents each variable.
 */
export abstract class Config {
  abstract readonly environment: 'production' | 'development' | 'test';
  abstract readonly role: Role;
  abstract readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent';
  /** Where everything embedded lives: database, outbox. Absolute. */
  abstract readonly dataDir: string;
  abstract readonly shutdownTimeoutMs: number;
  abstract readonly http: {
    readonly host: string;
    /** 0 takes a free one. */
    readonly port: number;
    /** No trailing slash. Where links in answers and e-mails point. */
    readonly publicUrl: string;
    readonly apiProcesses: number;
    readonly bodyLimitBytes: number;
    /** Origins allowed by CORS and on sockets; `*` allows all. */
    readonly corsOrigins: readonly string[];
    /** Proxies (addresses or CIDR) whose `X-Forwarded-For` is believed. */
    readonly trustedProxies: readonly string[];
    /** Bull Board may change the queue, or shows it alone. */
    readonly boardWritable: boolean;
  };
  /** The gRPC server of roles that have an API, on the same host. */
  abstract readonly grpc: GrpcSettings;
  abstract readonly sockets: SocketLimits;
  /** Where metrics and health are served in every role; 0 takes a free port. */
  abstract readonly prometheusPort: number;
  abstract readonly database: {
    /** Null: the embedded PostgreSQL in `dataDir`. */
    readonly url: string | null;
    readonly poolSize: number;
  };
  abstract readonly line: {
    readonly maxLength: number;
    /** Time to pay where the offer names none. */
    readonly holdSeconds: number;
  };
  abstract readonly accept: {
    /** Most requests in one commit. */
    readonly maxBatch: number;
    /** Requests that may wait for a commit; more are `OVERLOADED`. */
    readonly maxPending: number;
    /** A request that waited longer for its commit to begin is `OVERLOADED`. */
    readonly maxWaitMs: number;
  };
  abstract readonly queue: {
    readonly type: QueueType;
    /** Prefix of every queue, stream and topic. */
    readonly name: string;
    /** Null: none is named, and BullMQ runs on PostgreSQL. */
    readonly redis: RedisSettings | null;
    /** Null: none is named. */
    readonly kafka: KafkaSettings | null;
  };
  abstract readonly worker: {
    readonly concurrency: number;
    readonly attempts: number;
    readonly backoffMs: number;
    readonly maxBackoffMs: number;
    /** One delivery of a job may take so long. */
    readonly jobDeadlineMs: number;
    /** Work added to each step, in the order of `STEPS`, to rehearse slow parts. */
    readonly stepDelaysMs: readonly [number, number, number, number, number];
    readonly sweepIntervalMs: number;
  };
  abstract readonly data: {
    /** Bookings that have been over for so long are erased by the workers; null: none is. */
    readonly retentionDays: number | null;
  };
  abstract readonly auth: {
    /** Customers need a JWT. */
    readonly required: boolean;
    /** Null: one is made and kept in the database, outside production. */
    readonly jwtSecret: string | null;
    readonly jwksUrl: string | null;
    readonly issuer: string | null;
    readonly audience: string | null;
    /** A JWT without `exp` is refused, also where our own secret signed it. */
    readonly mustExpire: boolean;
  };
  abstract readonly rateLimits: RateLimits;
  /** What is asked before a booking is accepted; null: nothing. */
  abstract readonly challenge: ChallengeSettings | null;
  abstract readonly mail: {
    /** Null: `.eml` files in `dataDir/outbox`. */
    readonly smtpUrl: string | null;
    readonly from: string;
  };
  abstract readonly payment: {
    readonly provider: PaymentProviderName;
    /** Null where payments are not Stripe's. */
    readonly stripe: StripeSettings | null;
    /** Deliberate faults of the sandbox, as shares between 0 and 1. */
    readonly sandbox: {
      readonly delayMs: number;
      readonly declineRate: number;
      readonly errorRate: number;
      readonly unknownRate: number;
    };
    /** A charge whose outcome is unknown for so long is settled with the provider. */
    readonly settleAfterMs: number;
  };
  /** Other services that this one calls. */
  abstract readonly remote: RemoteSettings;
}
