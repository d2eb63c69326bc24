import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from '../config/redis.js';
import { BrokerError } from './broker-error.js';

interface Certificates {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

/**
 * `broker`: for the message.
 * @throws BrokerError where a file cannot be read or used, with its path
 */
export function readTls({ caFile, certFile, keyFile }: TlsFiles, broker: string): Certificates {
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw failed(broker, `${path} cannot be read`, error);
    }
  };
  const certificates: Certificates = {
    ...(caFile !== null && { ca: read(caFile) }),
    ...(certFile !== null && { cert: read(certFile) }),
    ...(keyFile !== null && { key: read(keyFile) }),
  };
  try {
    // Node takes a file without an authority for none at all
    if (certificates.ca !== undefined) new X509Certificate(certificates.ca);
    createSecureContext(certificates);
  } catch (error) {
    const paths = [caFile, certFile, keyFile].filter((path) => path !== null);
    throw failed(broker, `${paths.join(', ')} cannot be used`, error);
  }
  return certificates;
}

function failed(broker: string, what: string, cause: unknown): BrokerError {
  const code = codeOf(cause);
  return new BrokerError('BROKER_TLS_FAILED', broker, code === null ? what : `${what}: ${code}`, { cause });
}

const codeOf = (error: unknown): string | null =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null;
