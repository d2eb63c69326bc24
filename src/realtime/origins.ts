import type { IncomingHttpHeaders } from 'node:http';

const LOCAL = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether a page of this origin may open a socket. Browsers always send `Origin` with a WebSocket and no page can
 * forge it; other clients send none and are let in, since a token is what opens a booking.
 *
 * @param allowed `Config.http.corsOrigins`: `*` allows all; empty allows pages of this server and of this machine
 * @param publicUrl where our own pages are, behind a proxy too
 */
export function mayConnect(
  headers: IncomingHttpHeaders,
  allowed: readonly string[],
  publicUrl: string,
): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  if (page.origin === new URL(publicUrl).origin || page.host === host) return true;
  return allowed.length === 0 && LOCAL.has(page.hostname);
}
