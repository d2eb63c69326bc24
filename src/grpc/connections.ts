import { constants, type ServerHttp2Stream } from 'node:http2';
import { Server as NetServer, type Socket } from 'node:net';
import { status, type Server } from '@grpc/grpc-js';
import { AddressCounts } from '../security/rate-limit/address-counts.js';
import { addressKey, isLoopback } from '../security/rate-limit/address-key.js';

export interface ConnectionBounds {
  readonly perProcess: number;
  /** Of one address (IPv6: of its /64). Connections from this machine itself are not counted. */
  readonly perAddress: number;
  /** A request that is not whole by then is let go, and with it what came of it. */
  readonly requestMs: number;
}

/** Whoever asks what can be called talks on for as long as they like; outside production alone. */
const TALKS = /^\/grpc\.reflection\./;

/**
 * The bounds that grpc-js has not: on connections, and on the time that a request takes to come. To be called once the
 * server is bound.
 * @throws Error where the HTTP/2 servers below it are not found: it is not of the version that this was written for
 */
export function boundConnections(server: Server, bounds: ConnectionBounds): void {
  const found = http2ServersOf(server);
  if (found.length === 0) throw new Error('The HTTP/2 server below grpc-js is not where it was');
  const gate = new Gate(bounds);
  for (const http2 of found) {
    http2.on('connection', (socket: Socket) => gate.enter(socket));
    http2.on('stream', (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) => {
      if (!TALKS.test(String(headers[':path']))) letGoUnlessWhole(stream, bounds.requestMs);
    });
  }
}

/** Nothing public leads there. */
function http2ServersOf(server: Server): NetServer[] {
  const servers: unknown = Reflect.get(server, 'http2Servers');
  return servers instanceof Map ? [...servers.keys()].filter((key) => key instanceof NetServer) : [];
}

/** One more connection than there may be is closed at once: nothing was sent yet, so clients try again by themselves. */
class Gate {
  private readonly addresses = new AddressCounts();
  private open = 0;

  constructor(private readonly bounds: ConnectionBounds) {}

  enter(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const key = addressKey(address);
    const crowded = !isLoopback(address) && this.addresses.of(key) >= this.bounds.perAddress;
    if (crowded || this.open >= this.bounds.perProcess) {
      socket.destroy();
      return;
    }
    this.open++;
    this.addresses.opened(key);
    socket.once('close', () => {
      this.open--;
      this.addresses.closed(key);
    });
  }
}

/** A request is whole when its client has said so: no handler begins before. An answer takes as long as it takes. */
function letGoUnlessWhole(stream: ServerHttp2Stream, ms: number): void {
  const timer = setTimeout(() => letGo(stream, ms), ms);
  timer.unref();
  const done = (): void => clearTimeout(timer);
  stream.once('end', done).once('close', done);
}

function letGo(stream: ServerHttp2Stream, ms: number): void {
  if (stream.closed || stream.destroyed) return;
  if (!stream.headersSent) {
    const answer = {
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'grpc-status': String(status.DEADLINE_EXCEEDED),
      'grpc-message': `The request was not whole within ${ms} ms`,
    };
    stream.respond(answer, { endStream: true });
  }
  // Also what was refused long ago, and is still being sent.
  stream.close(constants.NGHTTP2_NO_ERROR);
}
