import type { IncomingMessage, Server as HttpServer } from 'node:http';
import { Logger, type INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { createAdapter } from '@socket.io/postgres-adapter';
import { Server, type ServerOptions } from 'socket.io';
import { Seldom } from '../common/seldom.js';
import { Config } from '../config/config.js';
import { SocketIoPool } from '../database/socket-io-pool.js';
import { addressReader } from '../security/client-address.js';
import { AddressCounts } from '../security/rate-limit/address-counts.js';
import { addressKey } from '../security/rate-limit/address-key.js';
import { CallLimits, isThisMachine, type Caller } from '../security/rate-limit/call-limits.js';
import { EventLimit } from './event-limit.js';
import { mayConnect } from './origins.js';
import { CHANNEL_PREFIX } from './rooms.js';

/** A client's message is a `join` of some hundred bytes. */
const MAX_MESSAGE_BYTES = 16_384;
/** Time from the connection to the handshake of Socket.IO. */
const HANDSHAKE_MS = 10_000;
/** That an address has too many is said so often at most. */
const WARN_EVERY_MS = 60_000;

type AllowRequest = NonNullable<ServerOptions['allowRequest']>;

/**
 * Socket.IO on the application's own HTTP server: WebSocket alone, origins enforced, bounded in size and number,
 * and joined with every other process through PostgreSQL.
 */
export class BoardIoAdapter extends IoAdapter {
  private readonly http: HttpServer;
  private readonly config: Config;
  private readonly pool: SocketIoPool;
  private readonly limits: CallLimits;
  private readonly addressOf: (request: IncomingMessage) => string;
  private readonly addresses = new AddressCounts();
  private readonly log = new Logger('sockets');
  private readonly warnings = new Seldom(WARN_EVERY_MS);
  private server: Server | undefined;

  /** @param app with `RealtimeModule`; its HTTP server need not listen yet */
  constructor(app: INestApplication<HttpServer>) {
    super(app);
    this.http = app.getHttpServer();
    this.config = app.get(Config, { strict: false });
    this.pool = app.get(SocketIoPool, { strict: false });
    this.limits = app.get(CallLimits, { strict: false });
    this.addressOf = addressReader(this.config.http.trustedProxies);
  }

  override createIOServer(_port: number, options?: Partial<ServerOptions>): Server {
    const server = new Server(this.http, { ...options, ...this.options() });
    server.adapter(createAdapter(this.pool, { channelPrefix: CHANNEL_PREFIX }));
    server.engine.on('connection', (connection: EngineConnection) => {
      limit(connection);
      this.count(connection);
    });
    this.server = server;
    return server;
  }

  /** Ends every socket, then the connections to PostgreSQL. */
  override async dispose(): Promise<void> {
    await this.pool.close();
  }

  private options(): Partial<ServerOptions> {
    return {
      transports: ['websocket'],
      allowUpgrades: false,
      serveClient: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: HANDSHAKE_MS,
      allowRequest: (request, answer) => void this.allow(request, answer),
    };
  }

  /** Never rejects; whatever a client does while it is asked about must not end the process. */
  private async allow(request: IncomingMessage, answer: Parameters<AllowRequest>[1]): Promise<void> {
    try {
      const refusal = await this.refusalOf(request);
      answer(refusal, refusal === null);
    } catch (error) {
      this.log.error({ message: 'A socket could not be opened', err: error });
      request.socket.destroy();
    }
  }

  private async refusalOf(request: IncomingMessage): Promise<string | null> {
    const { http, sockets } = this.config;
    if (!mayConnect(request.headers, http.corsOrigins, http.publicUrl))
      return 'FORBIDDEN: this origin is not allowed';
    if ((this.server?.engine.clientsCount ?? 0) >= sockets.perProcess) return 'OVERLOADED: too many sockets';
    const caller = { ip: this.addressOf(request), socket: request.socket };
    if (this.isCrowded(caller)) return 'RATE_LIMITED: too many sockets of one address';
    if (await this.opensTooMany(caller)) return 'RATE_LIMITED: too many sockets opened from one address';
    return null;
  }

  private async opensTooMany(caller: Caller): Promise<boolean> {
    try {
      await this.limits.ofAddress('address-sockets', caller);
      return false;
    } catch {
      return true;
    }
  }

  /** A proxy on this machine that nobody named would make the whole world one address: it is never refused. */
  private isCrowded(caller: Caller): boolean {
    const crowded =
      !isThisMachine(caller) &&
      this.addresses.of(addressKey(caller.ip ?? '')) >= this.config.sockets.perAddress;
    if (crowded) this.warn();
    return crowded;
  }

  private count(connection: EngineConnection): void {
    const key = addressKey(this.addressOf(connection.request));
    this.addresses.opened(key);
    connection.once('close', () => this.addresses.closed(key));
  }

  private warn(): void {
    if (!this.warnings.isTime()) return;
    this.log.warn(
      'One address has SOCKETS_PER_ADDRESS sockets, and gets no more: is it a proxy that TRUSTED_PROXIES does not name?',
    );
  }
}

/** The part of Engine.IO's connection that is used here. */
interface EngineConnection {
  readonly request: IncomingMessage;
  on(event: 'packet', listener: () => void): void;
  once(event: 'close', listener: () => void): void;
  close(discard: boolean): void;
}

/** Counts every packet, also those that no handler ever sees. */
function limit(connection: EngineConnection): void {
  const sent = new EventLimit(() => performance.now());
  connection.on('packet', () => {
    if (!sent.take()) connection.close(true);
  });
}
