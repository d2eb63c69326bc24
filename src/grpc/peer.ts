import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { plainAddress } from '../common/address.js';
import type { Call } from './call.js';

/** With a port behind the last colon; an address of IPv6 may stand in brackets, and stands without them by default. */
const PEER = /^(?:ipv[46]:)?\[?([^[\]]+?)\]?:\d+$/;

/**
 * The address of whoever holds the other end of the connection; IPv4 in its own notation on dual-stack sockets too. Empty
 * of one who has gone already.
 */
export function peerAddress(call: Pick<Call, 'getPeer'>): string {
  const address = PEER.exec(call.getPeer())?.[1] ?? '';
  return isIP(address) === 0 ? '' : plainAddress(address);
}

/** The names of the client's certificate, which its authority has signed: none where it showed none. */
export function peerNames(call: Pick<Call, 'getAuthContext'>): string[] {
  const { sslPeerCertificate: certificate } = call.getAuthContext();
  if (certificate === undefined) return [];
  const alternative = namesIn(certificate.subjectaltname ?? '');
  // The common name counts only where there is no other, as everywhere else.
  return alternative.length > 0 ? alternative : commonName(certificate);
}

/** A value with anything odd in it comes quoted, and is no name of ours. */
const namesIn = (subjectAltName: string): string[] =>
  subjectAltName.split(', ').flatMap((entry) => /^(?:DNS|URI):([^"\s]+)$/.exec(entry)?.[1] ?? []);

function commonName({ subject }: PeerCertificate): string[] {
  const name: unknown = subject.CN;
  return typeof name === 'string' ? [name] : [];
}
