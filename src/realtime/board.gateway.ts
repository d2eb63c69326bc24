import { Logger } from '@nestjs/common';
import {
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { DefaultEventsMap, Server, Socket } from 'socket.io';
import { AppError, type ErrorCode, ERRORS } from '../common/errors.js';
import { isRetryable } from '../database/database.js';
import { BoardPusher, type WatchedLine } from './board-pusher.js';
import type { ClientEvents, JoinAnswer, ServerEvents } from './events.js';
import { type JoinRequest, parseJoin, tokenOf } from './join-request.js';
import { LineViews } from './line-views.js';
import { lineKey, windowOf } from './night-window.js';
import { bookingRoom, NAMESPACE } from './rooms.js';
import { SnapshotReader, SocketAccess } from './socket-ports.js';

/** Bookings that one socket may watch. */
const MAX_JOINS = 16;
/** A socket that watches nothing for so long is closed. */
const JOIN_WITHIN_MS = 60_000;

interface Watcher {
  readonly token: string | null;
  /** Bookings watched, or about to be. */
  readonly bookings: Set<string>;
  /** Lines that it is told of, by `lineKey`. */
  readonly lines: Map<string, WatchedLine>;
  /** Closes the socket unless it joins. */
  readonly idle: NodeJS.Timeout;
}
type BoardServer = Server<ClientEvents, ServerEvents>;
type BoardSocket = Socket<ClientEvents, ServerEvents, DefaultEventsMap, unknown>;

const refused = (code: ErrorCode, title: string = ERRORS[code].title): JoinAnswer => ({
  ok: false,
  code,
  title,
});

function codeOf(error: unknown): ErrorCode {
  if (error instanceof AppError) return error.code;
  return isRetryable(error) ? 'UNAVAILABLE' : 'INTERNAL';
}

/** Socket.IO's own way back to the client, where it asked for one. */
const isAnswer = (sent: unknown): sent is (reply: JoinAnswer) => void => typeof sent === 'function';

/** The board's sockets: `join` answers with a snapshot, then `booking` and `line` events follow. */
@WebSocketGateway()
export class BoardGateway implements OnGatewayInit, OnGatewayConnection, OnGatewayDisconnect {
  private readonly logger = new Logger(BoardGateway.name);
  private readonly watchers = new Map<string, Watcher>();
  private server: BoardServer | undefined;
  private pusher: BoardPusher | undefined;

  constructor(
    private readonly access: SocketAccess,
    private readonly snapshots: SnapshotReader,
    private readonly views: LineViews,
  ) {}

  afterInit(server: BoardServer): void {
    this.server = server;
    const sockets = server.of(NAMESPACE);
    sockets.use((socket, next) => void this.admit(socket).then(next));
    this.pusher = new BoardPusher(this.views, {
      join: (socketId, room) => void sockets.sockets.get(socketId)?.join(room),
      leave: (socketId, room) => void sockets.sockets.get(socketId)?.leave(room),
      // each process has its own view of the line: nothing to tell the others
      tell: (room, event) => void sockets.local.to(room).emit('line', event),
    });
  }

  handleConnection(socket: BoardSocket): void {
    const idle = setTimeout(() => socket.disconnect(true), JOIN_WITHIN_MS);
    idle.unref();
    const token = tokenOf(socket.handshake.auth);
    this.watchers.set(socket.id, { token, bookings: new Set(), lines: new Map(), idle });
    // Bound by hand: a decorated handler costs each of 100,000 sockets an observable, and hides the acknowledgement.
    socket.on('join', (...sent: unknown[]) => void this.answer(socket, sent));
  }

  handleDisconnect(socket: BoardSocket): void {
    const watcher = this.watchers.get(socket.id);
    if (watcher === undefined) return;
    clearTimeout(watcher.idle);
    this.watchers.delete(socket.id);
    this.pusher?.remove(socket.id, watcher.lines.values());
  }

  beforeApplicationShutdown(): void {
    this.pusher?.close();
  }

  /** Connected sockets, bookings that they watch, and `line` events sent, one per socket. */
  figures(): { readonly sockets: number; readonly watched: number; readonly lineEvents: number } {
    let watched = 0;
    for (const { bookings } of this.watchers.values()) watched += bookings.size;
    return { sockets: this.server?.engine.clientsCount ?? 0, watched, lineEvents: this.pusher?.events ?? 0 };
  }

  /** What is wrong with whoever opens a socket, as `connect_error` tells it, or nothing. The connection ends with it. */
  private async admit(
    socket: Pick<BoardSocket, 'handshake' | 'conn' | 'request'>,
  ): Promise<Error | undefined> {
    try {
      await this.access.admit(tokenOf(socket.handshake.auth), socket.request);
      return undefined;
    } catch (error) {
      const code = this.codeOf(error);
      // After the answer is written, which happens in the meantime.
      setImmediate(() => socket.conn.close());
      return Object.assign(new Error(code), { data: { code, title: ERRORS[code].title } });
    }
  }

  private codeOf(error: unknown): ErrorCode {
    const code = codeOf(error);
    if (code === 'INTERNAL') this.logger.error(error);
    return code;
  }

  /** Never rejects; what a client sends must not end the process. */
  private async answer(socket: BoardSocket, sent: readonly unknown[]): Promise<void> {
    const acknowledge = sent.at(-1);
    let reply: JoinAnswer;
    try {
      reply = await this.join(socket, sent[0]);
    } catch (error) {
      reply = refused(this.codeOf(error));
    }
    if (isAnswer(acknowledge)) acknowledge(reply);
    else if (reply.ok) socket.emit('booking', reply.snapshot);
  }

  private async join(socket: BoardSocket, payload: unknown): Promise<JoinAnswer> {
    const request = parseJoin(payload);
    const watcher = this.watchers.get(socket.id);
    if (request === null || watcher === undefined) return refused('VALIDATION_FAILED');
    const { bookingId } = request;
    const isNew = !watcher.bookings.has(bookingId);
    if (isNew && watcher.bookings.size >= MAX_JOINS) {
      return refused('VALIDATION_FAILED', `A socket watches at most ${MAX_JOINS} bookings`);
    }
    watcher.bookings.add(bookingId);
    let joined = false;
    try {
      const reply = await this.watch(socket, watcher, request);
      joined = reply.ok;
      return reply;
    } finally {
      if (joined) clearTimeout(watcher.idle);
      else if (isNew) this.unwatch(socket, watcher, bookingId);
    }
  }

  private async watch(
    socket: BoardSocket,
    watcher: Watcher,
    { bookingId, version }: JoinRequest,
  ): Promise<JoinAnswer> {
    if (!(await this.access.mayWatch(watcher.token, bookingId))) return refused('BOOKING_NOT_FOUND');
    // The room comes before the snapshot, so that nothing falls between the two.
    await socket.join(bookingRoom(bookingId));
    const snapshot = await this.snapshots.snapshot(bookingId, version);
    if (snapshot === null) return refused('BOOKING_NOT_FOUND');
    const { offerId, seq } = snapshot;
    const window = windowOf(snapshot.stay);
    const line = await this.views.event(offerId, Math.max(version, snapshot.version), window);
    // Gone meanwhile: nothing must remember it.
    if (this.watchers.get(socket.id) === watcher) {
      watcher.lines.set(lineKey(offerId, window), { offerId, window });
      this.pusher?.add(socket.id, line, seq, window);
    }
    return { ok: true, snapshot, line };
  }

  private unwatch(socket: BoardSocket, watcher: Watcher, bookingId: string): void {
    watcher.bookings.delete(bookingId);
    void socket.leave(bookingRoom(bookingId));
  }
}
