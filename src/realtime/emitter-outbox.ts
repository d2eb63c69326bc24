import { decode, encode } from '@msgpack/msgpack';
import { Emitter } from '@socket.io/postgres-emitter';
import type { BookingSnapshot } from '../booking/booking.js';
import type { Notification } from '../database/notify-connection.js';
import type { ServerEvents } from './events.js';
import { MAX_PAYLOAD_BYTES } from './line-hints.js';
import { bookingRoom, CHANNEL_PREFIX, NAMESPACE } from './rooms.js';

/** Bytes that the namespace adds. */
const ROOM_FOR_NAMESPACE = 32;

type Attach = (payload: Uint8Array) => Promise<string>;

/**
 * Turns `booking` events into notifications by Socket.IO's own emitter, without sending them.
 *
 * The emitter wants a pool and sends each event by itself; here its queries are gathered instead, so that
 * hundreds of events make one round trip, and none of its failures is emitted to clients as an event named
 * `error`. It also leaves out the namespace (0.1.1), without which the adapter (0.5.0) drops the message.
 */
export class EmitterOutbox {
  private readonly emitter: Emitter<ServerEvents>;
  private ready: Notification[] = [];
  private attaching: Promise<unknown>[] = [];

  constructor(private readonly attach: Attach) {
    const pool = { query: (_text: string, values: readonly unknown[]) => this.query(values) };
    this.emitter = new Emitter<ServerEvents>(pool, NAMESPACE, {
      channelPrefix: CHANNEL_PREFIX,
      payloadThreshold: MAX_PAYLOAD_BYTES - ROOM_FOR_NAMESPACE,
    });
  }

  /** The notifications of these events. One whose attachment could not be stored is left out. */
  async take(snapshots: readonly BookingSnapshot[]): Promise<Notification[]> {
    for (const snapshot of snapshots)
      this.emitter.to(bookingRoom(snapshot.bookingId)).emit('booking', snapshot);
    await Promise.all(this.attaching);
    // the emitter announces an attachment a turn after it was stored
    if (this.attaching.length > 0) await new Promise((resolve) => setImmediate(resolve));
    const { ready } = this;
    this.ready = [];
    this.attaching = [];
    return ready;
  }

  /** Must not reject: the emitter would answer by emitting the error, and that failing too, for ever. */
  private query(values: readonly unknown[]): Promise<{ rows: { id: string }[] }> {
    const [first, second] = values;
    if (first instanceof Uint8Array) return this.store(first);
    if (typeof first === 'string' && typeof second === 'string') {
      this.ready.push({ channel: first, payload: withNamespace(second) });
    }
    return Promise.resolve({ rows: [] });
  }

  private async store(message: Uint8Array): Promise<{ rows: { id: string }[] }> {
    const stored = this.attach(encode({ ...parsed(message), nsp: NAMESPACE })).catch(() => null);
    this.attaching.push(stored);
    const id = await stored;
    // without an answer the emitter goes no further, and this event is lost
    return id === null ? await new Promise(() => undefined) : { rows: [{ id }] };
  }
}

/** The emitter's JSON is an object with members. */
const withNamespace = (json: string): string => `{"nsp":${JSON.stringify(NAMESPACE)},${json.slice(1)}`;

function parsed(message: Uint8Array): object {
  const value = decode(message);
  if (typeof value !== 'object' || value === null) throw new TypeError('The emitter sends objects');
  return value;
}
