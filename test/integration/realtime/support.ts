import { Global, Module } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { io, type Socket } from 'socket.io-client';
import type { Booking, BookingSnapshot } from '../../../src/booking/booking.js';
import type { LineRead, SeqRange } from '../../../src/booking/ledger/types.js';
import { Config } from '../../../src/config/config.js';
import { loadConfig } from '../../../src/config/load.js';
import { DatabaseUrl } from '../../../src/database/database-url.js';
import { Metrics, NoMetrics } from '../../../src/metrics/metrics.js';
import { LineReader } from '../../../src/realtime/active-line.js';
import { BoardIoAdapter } from '../../../src/realtime/board-io.adapter.js';
import { bookingLinks } from '../../../src/realtime/booking-event.js';
import { BoardGateway } from '../../../src/realtime/board.gateway.js';
import type { ClientEvents, JoinAnswer, LineEvent, ServerEvents } from '../../../src/realtime/events.js';
import { LineHintListener } from '../../../src/realtime/line-hint-listener.js';
import { LineViews } from '../../../src/realtime/line-views.js';
import { Notifier } from '../../../src/realtime/notifier.js';
import { PgNotifier } from '../../../src/realtime/pg-notifier.js';
import { NotifierModule } from '../../../src/realtime/notifier.module.js';
import { LineViewsModule, RealtimeModule } from '../../../src/realtime/realtime.module.js';
import { SnapshotReader, SocketAccess } from '../../../src/realtime/socket-ports.js';
import { NoRemotes, Remotes } from '../../../src/remote/remotes.js';
import { CallLimits } from '../../../src/security/rate-limit/call-limits.js';

export const OFFER = 'offer';
export const bookingId = (seq: number): string => `00000000-0000-7000-8000-${String(seq).padStart(12, '0')}`;

/** A ledger of one line that every process of a test reads: 10 wait, each token is its booking's id. */
export class SharedLine {
  version = 1;
  lastSeq = 10;
  readonly waiting = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  soldOut: { throughSeq: number; minQuantity: number } | null = null;
  down = false;

  leave(seq: number): void {
    this.version += 1;
    this.waiting.delete(seq);
  }

  booking(seq: number, change: Partial<Booking> = {}): Booking {
    return {
      id: bookingId(seq),
      offerId: OFFER,
      seq,
      customerId: 'customer',
      quantity: 1,
      state: this.waiting.has(seq) ? 'waiting' : 'held',
      reason: null,
      fence: 0,
      version: this.version,
      progress: 0,
      deadline: null,
      price: { amountMinor: 5000, currency: 'EUR' },
      email: 'somebody@example.org',
      jobId: `fulfil-${bookingId(seq)}`,
      correlationId: 'correlation',
      acceptedAt: '2026-01-01T00:00:00.000Z',
      acceptedPosition: seq,
      acceptedWaitSeconds: 0,
      stay: null,
      ...change,
    };
  }

  read(): LineRead {
    if (this.down) throw new Error('the ledger is down');
    const waiting = [...this.waiting].sort((a, b) => a - b).map((seq): SeqRange => [seq, seq]);
    const stock = { capacity: 100, available: 100, held: 0, sold: 0 };
    const { version, lastSeq, soldOut } = this;
    const state = {
      offerId: OFFER,
      version,
      lastSeq,
      front: 1,
      waiting: waiting.length,
      holdSeconds: 60,
      grantsPerMinute: 0,
    };
    return {
      state: { ...state, stock, nights: null, soldOut, now: new Date().toISOString() },
      departed: null,
      waiting,
      stays: null,
    };
  }
}

export interface Node {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly notifier: PgNotifier;
  readonly views: LineViews;
  readonly gateway: BoardGateway;
}

/** An api process' worth of server: the real modules and adapter on a port of its own. */
export async function startNode(
  databaseUrl: string,
  line: SharedLine,
  env: Record<string, string> = {},
): Promise<Node> {
  const access: SocketAccess = {
    admit: () => Promise.resolve(),
    mayWatch: (token, id) => Promise.resolve(token === id || token === 'operator'),
  };
  const reader: LineReader = {
    readLine: (offerId) => Promise.resolve().then(() => (offerId === OFFER ? line.read() : null)),
  };
  const snapshots = (views: LineViews): SnapshotReader => ({
    snapshot: (id, version) => snapshotOf(line, views, id, version),
  });

  @Global()
  @Module({
    providers: [
      {
        provide: Config,
        useValue: loadConfig({ NODE_ENV: 'test', PUBLIC_URL: 'https://tickets.example', ...env }),
      },
      { provide: DatabaseUrl, useValue: { value: databaseUrl } },
      { provide: LineReader, useValue: reader },
      { provide: Remotes, useClass: NoRemotes },
      { provide: Metrics, useClass: NoMetrics },
      { provide: SocketAccess, useValue: access },
      { provide: SnapshotReader, useFactory: snapshots, inject: [LineViews] },
      // nobody is limited here
      { provide: CallLimits, useValue: { ofAddress: () => null } },
    ],
    exports: [Config, DatabaseUrl, LineReader, Remotes, Metrics, SocketAccess, SnapshotReader, CallLimits],
  })
  class Ground {}

  const testing = await Test.createTestingModule({
    imports: [Ground, NotifierModule, LineViewsModule.reading(LineReader), RealtimeModule.with()],
  }).compile();
  const app = testing.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  app.useWebSocketAdapter(new BoardIoAdapter(app));
  await app.listen(0, '127.0.0.1');
  const notifier = app.get(Notifier);
  if (!(notifier instanceof PgNotifier)) throw new TypeError('The module provides another notifier');
  const hints = app.get(LineHintListener);
  await eventually(() => notifier.connected && hints.connected);
  return {
    app,
    url: await app.getUrl(),
    notifier,
    views: app.get(LineViews),
    gateway: app.get(BoardGateway),
  };
}

async function snapshotOf(
  line: SharedLine,
  views: LineViews,
  id: string,
  version: number,
): Promise<BookingSnapshot | null> {
  const seq = Number(id.slice(-12));
  if (seq < 1 || seq > line.lastSeq) return null;
  const place = await views.position(OFFER, seq, version, null);
  const { offerId, quantity, stay, reason, progress, deadline, price, jobId, acceptedAt } = line.booking(seq);
  return {
    ...{ bookingId: id, jobId, offerId, seq, quantity, stay, reason, progress, deadline, price, acceptedAt },
    state: place.waiting ? 'waiting' : 'held',
    position: place.waiting ? place.position : null,
    estimatedWaitSeconds: place.waiting ? place.estimatedWaitSeconds : null,
    version: place.version,
    ticketCodes: [],
    serverTime: new Date().toISOString(),
    links: bookingLinks('https://tickets.example', id),
  };
}

type BoardClient = Socket<ServerEvents, ClientEvents>;

/** A customer's browser: a real socket, and everything that it was told. */
export class Watcher {
  readonly lines: LineEvent[] = [];
  readonly bookings: BookingSnapshot[] = [];
  readonly socket: BoardClient;

  constructor(url: string, auth: Record<string, unknown>, headers: Record<string, string> = {}) {
    this.socket = io(url, {
      transports: ['websocket'],
      auth,
      forceNew: true,
      reconnection: false,
      extraHeaders: headers,
    });
    this.socket.on('line', (event) => this.lines.push(event));
    this.socket.on('booking', (snapshot) => this.bookings.push(snapshot));
  }

  async connected(): Promise<this> {
    if (!this.socket.connected) {
      await new Promise<void>((resolve, reject) => {
        this.socket.once('connect', resolve);
        this.socket.once('connect_error', reject);
      });
    }
    return this;
  }

  join(request: { bookingId: string; version?: number }): Promise<JoinAnswer> {
    return this.socket.timeout(5000).emitWithAck('join', request);
  }

  /** Sends what no client of ours would. */
  send(...anything: unknown[]): void {
    Reflect.apply(this.socket.emit, this.socket, anything);
  }

  async disconnected(): Promise<void> {
    if (this.socket.connected) await new Promise((resolve) => this.socket.once('disconnect', resolve));
  }
}

/** Waits until it is so; fails after ten seconds with what was expected. */
export async function eventually(holds: () => boolean, what = holds.toString()): Promise<void> {
  const until = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > until) throw new Error(`It never came true that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
