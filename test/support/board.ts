import { io, type Socket } from 'socket.io-client';
import type { BookingSnapshot } from '../../src/booking/booking.js';
import type { ClientEvents, JoinAnswer, LineEvent, ServerEvents } from '../../src/realtime/events.js';

/** A client's socket, with everything that it was told. */
export class Watcher {
  readonly bookings: BookingSnapshot[] = [];
  readonly lines: LineEvent[] = [];

  private constructor(private readonly socket: Socket<ServerEvents, ClientEvents>) {
    socket.on('booking', (event) => this.bookings.push(event));
    socket.on('line', (event) => this.lines.push(event));
  }

  static async connect(url: string, token?: string): Promise<Watcher> {
    const socket: Socket<ServerEvents, ClientEvents> = io(url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      ...(token === undefined ? {} : { auth: { token } }),
    });
    const watcher = new Watcher(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return watcher;
  }

  join(bookingId: string): Promise<JoinAnswer> {
    return this.socket.timeout(5000).emitWithAck('join', { bookingId });
  }

  close(): void {
    this.socket.disconnect();
  }
}
