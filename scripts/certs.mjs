// `npm run certs [folder]`: certificates for gRPC on this machine, for development alone. Prints what to export.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeAuthority, makeCertificate } from './support/certificates.mjs';
import { Unavailable } from './support/unavailable.mjs';

const folder = resolve(process.argv[2] ?? '.fairline/certs');
/** Whose certificate makes its holder a service. */
const SERVICE = 'dev-service';

try {
  if (existsSync(join(folder, 'ca.pem'))) {
    console.log(`# there are certificates in ${folder} already: remove the folder to have new ones`);
  } else {
    const ca = makeAuthority(folder);
    makeCertificate(ca, folder, {
      name: 'server',
      alternatives: ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'],
    });
    makeCertificate(ca, folder, { name: 'client', alternatives: [`DNS:${SERVICE}`] });
  }
  console.log(`export GRPC_TLS_CERT_FILE=${join(folder, 'server.pem')}
export GRPC_TLS_KEY_FILE=${join(folder, 'server-key.pem')}
export GRPC_TLS_CA_FILE=${join(folder, 'ca.pem')}
export GRPC_SERVICE_NAMES=${SERVICE}
# then, as that service:
#   grpcurl -cacert ${join(folder, 'ca.pem')} -cert ${join(folder, 'client.pem')} -key ${join(folder, 'client-key.pem')} localhost:50051 list`);
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
