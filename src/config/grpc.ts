import type { Reader } from './reader.js';

export interface GrpcSettings {
  /** Null: gRPC is not served. 0 takes a free one. */
  readonly port: number | null;
  /** Files of PEM; null: plain text. */
  readonly tls: GrpcTlsFiles | null;
  /** Names of client certificates (their DNS names, URIs or common name) whose holders are services. */
  readonly serviceNames: readonly string[];
  /** Of one message, either way. */
  readonly maxMessageBytes: number;
  /** Calls at once on one connection. */
  readonly maxConcurrentCalls: number;
  readonly connectionsPerProcess: number;
  /** Of one address (IPv6: of its /64). Connections from this machine itself are not counted. */
  readonly connectionsPerAddress: number;
}

export interface GrpcTlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Whose client certificates are taken, and then needed; null: clients have none. */
  readonly caFile: string | null;
}

const OFF = 'off';
const SERVICE_NAME = {
  test: (item: string) => /^[A-Za-z0-9._:/-]{1,200}$/.test(item),
  means: 'names as certificates have them, like gateway.internal',
};

export function grpcSettings(read: Reader): GrpcSettings {
  const tls = tlsOf(read);
  const serviceNames = read.list('GRPC_SERVICE_NAMES', SERVICE_NAME);
  if (serviceNames.length > 0 && (tls === null || tls.caFile === null)) {
    read.refuse('GRPC_SERVICE_NAMES needs GRPC_TLS_CA_FILE: without it no client shows a certificate');
  }
  return {
    port: read.text('GRPC_PORT') === OFF ? null : read.integer('GRPC_PORT', 50_051, 0, 65_535),
    tls,
    serviceNames,
    maxMessageBytes: read.integer('GRPC_MAX_MESSAGE_BYTES', 1_048_576, 1024, 67_108_864),
    maxConcurrentCalls: read.integer('GRPC_MAX_CONCURRENT_CALLS', 100, 1, 1_000_000),
    connectionsPerProcess: read.integer('GRPC_CONNECTIONS_PER_PROCESS', 2000, 1, 1_000_000),
    connectionsPerAddress: read.integer('GRPC_CONNECTIONS_PER_ADDRESS', 500, 1, 1_000_000),
  };
}

function tlsOf(read: Reader): GrpcTlsFiles | null {
  const certFile = read.text('GRPC_TLS_CERT_FILE');
  const keyFile = read.text('GRPC_TLS_KEY_FILE');
  const caFile = read.text('GRPC_TLS_CA_FILE');
  if (certFile !== null && keyFile !== null) return { certFile, keyFile, caFile };
  if (certFile !== null || keyFile !== null) {
    read.refuse('GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE belong together');
  } else if (caFile !== null) {
    read.refuse('GRPC_TLS_CA_FILE needs GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE');
  }
  return null;
}

/** Whoever listens on the way would have every token. */
export function refusePlaintextGrpc({ port, tls }: GrpcSettings, read: Reader): void {
  if (port === null || tls !== null) return;
  read.refuse(
    'NODE_ENV=production needs GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE, or GRPC_PORT=off: it does not serve gRPC in plain text',
  );
}
