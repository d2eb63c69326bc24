import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import { plainAddress } from '../common/address.js';

/** What Fastify's `trustProxy` is to be: `X-Forwarded-For` counts only where one of these sent it, else never. */
export const trustProxy = (trustedProxies: readonly string[]): string[] | false =>
  trustedProxies.length === 0 ? false : [...trustedProxies];

/**
 * The caller's address as the server's `trustProxy` has it; IPv4 in its own notation on dual-stack sockets too. Empty of
 * one who has gone already: a connection that was reset has no other end, whatever the types say.
 */
export const clientAddress = (request: { readonly ip?: string | undefined }): string =>
  plainAddress(request.ip ?? '');

/** Reads the same from a request that never comes to Fastify: one that opens a socket. Never throws. */
export function addressReader(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  if (trustedProxies.length === 0) return ({ socket }) => clientAddress({ ip: socket.remoteAddress });
  const trusted = proxyAddr.compile([...trustedProxies]);
  return (request) => clientAddress({ ip: proxyAddr(request, trusted) });
}
