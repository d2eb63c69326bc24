import type { Reader } from './reader.js';
import { parseNode, tlsFiles, type HostPort, type TlsFiles } from './redis.js';

/** Other services that Fairline calls by gRPC; null: none, and the part of that name is this process's own. */
export interface RemoteSettings {
  /** Told of each reservation, confirmation and release, and asked before an offer opens. */
  readonly ticketService: HostPort | null;
  /** Told of each confirmed booking. */
  readonly bookingService: {
    readonly at: HostPort;
    /** What it is given to charge: the customer has paid here. */
    readonly paymentMethod: string;
  } | null;
  /** Gets the pushes, beside our own sockets. */
  readonly realtimeService: HostPort | null;
  /** Asked before a request goes on; where it does not answer in time the local limits apply. */
  readonly rateLimiter: { readonly at: HostPort; readonly deadlineMs: number } | null;
  /** Shown in health, and never needed. */
  readonly gateway: HostPort | null;
  /** One call may take so long, its repetitions included. */
  readonly deadlineMs: number;
  /** Null: plain text. */
  readonly tls:
    | (TlsFiles & {
        /** The name that the servers' certificates must have, where it is not their host's. */
        readonly serverName: string | null;
      })
    | null;
  /** A JWT for the metadata of each call, or the file that has the current one; null: none. */
  readonly token: { readonly value: string } | { readonly file: string } | null;
}

const SERVICES = [
  'GRPC_TICKET_SERVICE_URL',
  'GRPC_BOOKING_SERVICE_URL',
  'GRPC_REALTIME_SERVICE_URL',
  'GRPC_RATE_LIMITER_SERVICE_URL',
  'GRPC_GATEWAY_URL',
] as const;

/** Where the services are that this process calls, and how it shows who it is. */
export function remoteSettings(read: Reader): RemoteSettings {
  const [ticketService = null, booking = null, realtimeService = null, limiter = null, gateway = null] =
    SERVICES.map((name) => address(read, name));
  const isOn = read.boolean('GRPC_CLIENT_TLS', false);
  const files = tlsFiles(read, 'GRPC_CLIENT_TLS', isOn);
  const serverName = read.text('GRPC_CLIENT_TLS_SERVER_NAME');
  const paymentMethod = read.textOr('GRPC_BOOKING_SERVICE_PAYMENT_METHOD', 'prepaid');
  const deadlineMs = read.integer('GRPC_RATE_LIMITER_DEADLINE_MS', 50, 1, 5000);
  if (!isOn && serverName !== null) {
    read.refuse('GRPC_CLIENT_TLS_SERVER_NAME needs GRPC_CLIENT_TLS=true');
  }
  const settings: RemoteSettings = {
    ticketService,
    bookingService: booking === null ? null : { at: booking, paymentMethod },
    realtimeService,
    rateLimiter: limiter === null ? null : { at: limiter, deadlineMs },
    gateway,
    deadlineMs: read.integer('GRPC_CLIENT_DEADLINE_MS', 2000, 50, 60_000),
    tls: files === null ? null : { ...files, serverName },
    token: token(read),
  };
  if (!callsAnybody(settings)) refuseIdle(read);
  return settings;
}

export const callsAnybody = (remote: RemoteSettings): boolean =>
  [
    remote.ticketService,
    remote.bookingService,
    remote.realtimeService,
    remote.rateLimiter,
    remote.gateway,
  ].some((service) => service !== null);

/** What production asks beyond that: nobody between reads or writes, and the services know who calls. */
export function refuseUnsafeRemotes(remote: RemoteSettings, read: Reader): void {
  if (!callsAnybody(remote)) return;
  if (remote.tls === null) {
    read.refuse('NODE_ENV=production calls other services by TLS alone: set GRPC_CLIENT_TLS=true');
  } else if (remote.tls.certFile === null && remote.token === null) {
    read.refuse(
      'NODE_ENV=production shows other services who it is: set GRPC_CLIENT_TLS_CERT_FILE and GRPC_CLIENT_TLS_KEY_FILE, GRPC_CLIENT_TOKEN or GRPC_CLIENT_TOKEN_FILE',
    );
  }
}

function address(read: Reader, name: (typeof SERVICES)[number]): HostPort | null {
  const text = read.text(name);
  if (text === null) return null;
  const found = parseNode(text);
  // Somebody may have put a URL with a password there: it is not repeated.
  if (found === null) read.refuse(`${name} must be host:port, without a scheme`);
  return found;
}

function token(read: Reader): RemoteSettings['token'] {
  const value = read.text('GRPC_CLIENT_TOKEN');
  const file = read.text('GRPC_CLIENT_TOKEN_FILE');
  if (value !== null && file !== null) {
    read.refuse('GRPC_CLIENT_TOKEN and GRPC_CLIENT_TOKEN_FILE are both set: set one');
  }
  if (value !== null) return { value };
  return file === null ? null : { file };
}

/** A setting without anybody to call would be silently without effect. */
function refuseIdle(read: Reader): void {
  const idle = [
    'GRPC_CLIENT_TLS_CA_FILE',
    'GRPC_CLIENT_TLS_CERT_FILE',
    'GRPC_CLIENT_TLS_KEY_FILE',
    'GRPC_CLIENT_TLS_SERVER_NAME',
    'GRPC_CLIENT_TOKEN',
    'GRPC_CLIENT_TOKEN_FILE',
  ].filter((name) => read.text(name) !== null);
  if (idle.length === 0) return;
  read.refuse(
    `${idle.join(' and ')} ${idle.length === 1 ? 'has' : 'have'} no effect without one of ${SERVICES.join(', ')}`,
  );
}
