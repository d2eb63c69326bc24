import type { PeerCertificate } from 'node:tls';
import type { Call } from './call.js';

/** The address of whoever holds the other end of the connection; IPv4 in its own notation on dual-stack sockets too. */
export function peerAddress(call: Pick<Call, 'getPeer'>): string {
  const [, bracketed, plain] = /^(?:ipv[46]:)?(?:\[([^\]]+)\]|([^:]+)):\d+$/.exec(call.getPeer()) ?? [];
  return (bracketed ?? plain ?? '').replace(/^::ffff:/, '');
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
