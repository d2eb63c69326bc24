// Certificates for development and tests, made by openssl: an authority, and what it signs.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Unavailable } from './unavailable.mjs';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** @typedef {{ cert: string, key: string }} Pair paths of PEM files; the key is readable by its owner alone */

/**
 * An authority of its own: `<name>.pem` and `<name>-key.pem`.
 * @param {string} folder made where it is not there
 * @param {string} name
 * @param {number} [days]
 * @returns {Pair}
 * @throws {Unavailable} where there is no openssl
 */
export function makeAuthority(folder, name = 'ca', days = 365) {
  mkdirSync(folder, { recursive: true });
  const { cert, key } = pair(folder, name);
  openssl([
    'req',
    '-x509',
    ...KEY,
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    String(days),
    '-subj',
    `/CN=${name}`,
  ]);
  return { cert, key };
}

/**
 * A certificate that an authority has signed, for servers and clients alike: `<name>.pem` and `<name>-key.pem`.
 * @param {Pair} authority
 * @param {string} folder
 * @param {object} options
 * @param {string} options.name of the files, and the common name
 * @param {readonly string[]} [options.alternatives] as openssl takes them: `DNS:localhost`, `IP:127.0.0.1`
 * @param {number} [options.days] 0: over as soon as it is made
 * @returns {Pair}
 * @throws {Unavailable} where there is no openssl
 */
export function makeCertificate(authority, folder, { name, alternatives = [], days = 365 }) {
  const { cert, key } = pair(folder, name);
  const request = join(folder, `${name}.csr`);
  const extensions = join(folder, `${name}.ext`);
  const lines = ['basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth,clientAuth'];
  if (alternatives.length > 0) lines.push(`subjectAltName=${alternatives.join(',')}`);
  writeFileSync(extensions, `${lines.join('\n')}\n`);
  openssl(['req', ...KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`]);
  openssl([
    ...['x509', '-req', '-in', request, '-out', cert, '-days', String(days), '-extfile', extensions],
    ...['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial'],
  ]);
  rmSync(request);
  rmSync(extensions);
  return { cert, key };
}

const pair = (folder, name) => ({ cert: join(folder, `${name}.pem`), key: join(folder, `${name}-key.pem`) });

function openssl(args) {
  const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (error?.code === 'ENOENT') throw new Unavailable('there is no openssl on this machine: install it');
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr.trim()}`);
}
