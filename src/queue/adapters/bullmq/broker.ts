import type { BackendFactory } from 'bullmq';

/** Where BullMQ keeps its jobs: Redis or PostgreSQL, behind the same two factories. */
export interface Broker {
  readonly technology: 'bullmq-postgres' | 'bullmq-redis';
  /** For queues: one shared connection that fails fast, so that nobody waits for a broker that is away. */
  readonly publishers: BackendFactory;
  /** For workers: a connection of its own each, which waits for the broker to come back. */
  readonly consumers: BackendFactory;
  /** What is to be checked beside the answering of queues; rejects with a `BrokerError`. */
  ping?(): Promise<void>;
  /** Of the server; null where it does not tell. */
  version(): Promise<string | null>;
  /** Closes what the publishers share. */
  close(): Promise<void>;
}

/** Told of what went wrong and was survived. */
export type Report = (what: string, error: unknown) => void;

/** A broker that does not answer within this time counts as away, in ms. */
export const BROKER_TIMEOUT_MS = 5000;
