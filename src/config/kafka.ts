import type { Reader } from './reader.js';
import { nodes, tlsFiles, type HostPort, type TlsFiles } from './redis.js';

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const DEFAULT_MECHANISM = 'scram-sha-512';

export interface KafkaSettings {
  readonly brokers: readonly HostPort[];
  readonly clientId: string;
  /** Of each work topic, when it is created. */
  readonly partitions: number;
  /** Of each topic, when it is created. */
  readonly replication: number;
  /** How long each topic keeps its messages, in ms. */
  readonly retentionMs: number;
  /** Null: plain text. */
  readonly tls: TlsFiles | null;
  readonly sasl: {
    readonly mechanism: (typeof SASL_MECHANISMS)[number];
    readonly username: string;
    readonly password: string;
  } | null;
}

const DAY_MS = 86_400_000;

/** Null where `KAFKA_BOOTSTRAP_SERVERS` is not set. */
export function kafkaSettings(read: Reader): KafkaSettings | null {
  const brokers = nodes(read, 'KAFKA_BOOTSTRAP_SERVERS');
  const settings = {
    brokers,
    clientId: read.textOr('KAFKA_CLIENT_ID', 'fairline'),
    partitions: read.integer('KAFKA_PARTITIONS', 12, 1, 1000),
    replication: read.integer('KAFKA_REPLICATION', 1, 1, 10),
    retentionMs: read.integer('KAFKA_RETENTION_MS', 7 * DAY_MS, 60_000, 365 * DAY_MS),
    tls: tlsFiles(read, 'KAFKA_TLS', read.boolean('KAFKA_TLS', false)),
    sasl: sasl(read),
  };
  return brokers.length === 0 ? null : settings;
}

function sasl(read: Reader): KafkaSettings['sasl'] {
  const username = read.text('KAFKA_SASL_USERNAME');
  const password = read.text('KAFKA_SASL_PASSWORD');
  const mechanism = read.oneOf('KAFKA_SASL_MECHANISM', SASL_MECHANISMS, DEFAULT_MECHANISM);
  if ((username === null) !== (password === null)) {
    read.refuse('KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD belong together');
  }
  if (username === null && mechanism !== DEFAULT_MECHANISM) {
    read.refuse('KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD');
  }
  return username === null || password === null ? null : { mechanism, username, password };
}
