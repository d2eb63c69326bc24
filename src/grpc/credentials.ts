import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { GrpcTlsFiles } from '../config/grpc.js';

/**
 * How a server proves itself, and whose client certificates it takes: with an authority, a client without a good one
 * does not get past the handshake.
 * @throws Error naming the variable whose file cannot be used
 */
export function serverCredentials(tls: GrpcTlsFiles | null): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  const cert = readPem('GRPC_TLS_CERT_FILE', tls.certFile, (pem) => new X509Certificate(pem));
  const key = readPem('GRPC_TLS_KEY_FILE', tls.keyFile, (pem) => createSecureContext({ cert, key: pem }));
  // Node takes a file without an authority for none at all, and would take any client's word.
  const ca =
    tls.caFile === null ? null : readPem('GRPC_TLS_CA_FILE', tls.caFile, (pem) => new X509Certificate(pem));
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], ca !== null);
}

function readPem(variable: string, path: string, check: (pem: Buffer) => unknown): Buffer {
  try {
    const pem = readFileSync(path);
    check(pem);
    return pem;
  } catch (error) {
    throw new Error(`${variable}: ${path} cannot be used`, { cause: error });
  }
}
