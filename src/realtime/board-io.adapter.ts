import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { createAdapter } from '@socket.io/postgres-adapter';
import { Server, type ServerOptions } from 'socket.io';
import { Config } from '../config/config.js';
import { SocketIoPool } from '../database/socket-io-pool.js';
import { EventLimit } from './event-limit.js';
import { mayConnect } from './origins.js';
import { CHANNEL_PREFIX } from './rooms.js';

/** A client's message is a `join` of some hundred bytes. */
const MAX_MESSAGE_BYTES = 16_384;
/** A process has 20,000 open files at most, and HTTP and the database need some. */
const MAX_SOCKETS = 18_000;

type AllowRequest = NonNullable<ServerOptions['allowRequest']>;

/**
 * Socket.IO on the application's own HTTP server: WebSocket alone, origins enforced, bounded in size and number,
 * and joined with every other process through PostgreSQL.
 */
export class BoardIoAdapter extends IoAdapter {
  private readonly http: HttpServer;
  private readonly config: Config;
  private readonly pool: SocketIoPool;
  private server: Server | undefined;

  /** @param app with `RealtimeModule`; its HTTP server need not listen yet */
  constructor(app: INestApplication<HttpServer>) {
    super(app);
    this.http = app.getHttpServer();
    this.config = app.get(Config, { strict: false });
    this.pool = app.get(SocketIoPool, { strict: false });
  }

  override createIOServer(_port: number, options?: Partial<ServerOptions>): Server {
    const server = new Server(this.http, { ...options, ...this.options() });
    server.adapter(createAdapter(this.pool, { channelPrefix: CHANNEL_PREFIX }));
    server.engine.on('connection', (connection: EngineConnection) => limit(connection));
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
      connectTimeout: 10_000,
      allowRequest: (request, answer) => this.allow(request, answer),
    };
  }

  private allow(request: IncomingMessage, answer: Parameters<AllowRequest>[1]): void {
    const { corsOrigins, publicUrl } = this.config.http;
    if (!mayConnect(request.headers, corsOrigins, publicUrl)) answer('This origin is not allowed', false);
    else if ((this.server?.engine.clientsCount ?? 0) >= MAX_SOCKETS) answer('Too many sockets', false);
    else answer(null, true);
  }
}

/** The part of Engine.IO's connection that is used here. */
interface EngineConnection {
  on(event: 'packet', listener: () => void): void;
  close(discard: boolean): void;
}

/** Counts every packet, also those that no handler ever sees. */
function limit(connection: EngineConnection): void {
  const sent = new EventLimit(() => performance.now());
  connection.on('packet', () => {
    if (!sent.take()) connection.close(true);
  });
}
