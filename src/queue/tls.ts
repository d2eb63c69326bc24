import { readFileSync } from 'node:fs';
import type { TlsFiles } from '../config/redis.js';

/** @throws Error where a file cannot be read */
export function readTls({ caFile, certFile, keyFile }: TlsFiles): {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
} {
  return {
    ...(caFile !== null && { ca: readFileSync(caFile) }),
    ...(certFile !== null && { cert: readFileSync(certFile) }),
    ...(keyFile !== null && { key: readFileSync(keyFile) }),
  };
}
