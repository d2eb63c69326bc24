import { io, type Socket } from 'socket.io-client';
import type { ClientEvents, JoinAnswer, ServerEvents } from '../../src/realtime/events.js';

export interface SocketListener {
  /** The version to send back. */
  readonly version: number;
  onJoined(answer: JoinAnswer, asked: number): void;
  onLine: ServerEvents['line'];
  onBooking: ServerEvents['booking'];
}

/** What became of all sockets together. */
export interface SocketCounts {
  connected: number;
  /** Connections that ended by themselves and were made again. */
  lost: number;
  /** Attempts to connect that failed. */
  failed: number;
  lines: number;
  bookings: number;
}

const COME_BACK_MS = 1000;

/** One customer's socket: joins on every connection, so that an event missed in between never matters. */
export class CustomerSocket {
  private readonly socket: Socket<ServerEvents, ClientEvents>;

  constructor(
    origin: string,
    token: string,
    private readonly bookingId: string,
    private readonly listener: SocketListener,
    private readonly counts: SocketCounts,
  ) {
    this.socket = io(origin, {
      transports: ['websocket'],
      auth: { token },
      forceNew: true,
      reconnectionDelay: 200,
      reconnectionDelayMax: 3000,
      timeout: 20_000,
    });
    this.listen();
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  /** Idempotent. */
  close(): void {
    this.socket.off();
    this.socket.disconnect();
  }

  private listen(): void {
    const { socket, counts, listener } = this;
    socket.on('connect', () => {
      counts.connected += 1;
      this.join();
    });
    socket.on('disconnect', () => {
      counts.lost += 1;
      // Where the server itself ended it, the library does not come back on its own.
      if (!socket.active) socket.connect();
    });
    socket.on('connect_error', () => {
      counts.failed += 1;
    });
    socket.on('line', (event) => {
      counts.lines += 1;
      listener.onLine(event);
    });
    socket.on('booking', (event) => {
      counts.bookings += 1;
      listener.onBooking(event);
    });
  }

  private join(): void {
    const version = Math.max(0, this.listener.version);
    this.socket.emit('join', { bookingId: this.bookingId, version }, (answer) => {
      if (!answer.ok && answer.code === 'UNAVAILABLE') this.joinLater();
      else this.listener.onJoined(answer, version);
    });
  }

  /** As after a 503: the server is there, and cannot say it now. */
  private joinLater(): void {
    setTimeout(() => {
      if (this.socket.connected) this.join();
    }, COME_BACK_MS).unref();
  }
}
