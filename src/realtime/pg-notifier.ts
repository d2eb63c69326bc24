import type { Booking } from '../booking/booking.js';
import { NotifyConnection, type Notification } from '../database/notify-connection.js';
import { servedSnapshot } from './booking-event.js';
import { EmitterOutbox } from './emitter-outbox.js';
import { encodeHints } from './line-hints.js';
import { isToldByLine, type LineHint, Notifier } from './notifier.js';
import { LINES_CHANNEL } from './rooms.js';
import { trim } from './trim.js';

/** Hints and events gather for so long, so that a busy process sends one transaction, not thousands. */
const LINGER_MS = 25;
/** Notifications in one statement. */
const BATCH = 200;
/** Bookings and lines kept while the connection is down; beyond it the oldest are dropped. */
const MAX_PENDING = 10_000;
const CLOCK_EVERY_MS = 60_000;

interface Change {
  readonly booking: Booking;
  readonly ticketCodes: readonly string[];
}

/** Sends by PostgreSQL's NOTIFY on one connection of its own, after the commits it tells of. */
export class PgNotifier extends Notifier {
  private changes = new Map<string, Change>();
  private lines = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> | null = null;
  private closing: Promise<void> | undefined;
  /** Database's time less ours, in ms. */
  private clockOffset = 0;
  private clockReadAt = -Infinity;
  private sentCount = 0;
  private droppedCount = 0;
  private readonly connection: NotifyConnection;
  private readonly outbox: EmitterOutbox;

  constructor(
    url: string,
    /** As in `Config.http`. */
    private readonly publicUrl: string,
    private readonly failed: (error: unknown) => void = () => undefined,
  ) {
    super();
    this.connection = new NotifyConnection(url, [], { up: () => this.schedule(0), failed });
    this.outbox = new EmitterOutbox((payload) => this.connection.attach(payload));
    this.connection.open();
  }

  override get connected(): boolean {
    return this.connection.connected;
  }

  /** Notifications that went out, and changes given up while there was no connection. */
  get figures(): { readonly sent: number; readonly dropped: number } {
    return { sent: this.sentCount, dropped: this.droppedCount };
  }

  override bookings(bookings: readonly Booking[]): void {
    for (const booking of bookings) this.progress(booking, []);
  }

  override progress(booking: Booking, ticketCodes: readonly string[]): void {
    if (isToldByLine(booking)) return;
    // Sent anew, not in the place of what it replaces: the newest are dropped last.
    this.changes.delete(booking.id);
    this.changes.set(booking.id, { booking, ticketCodes });
    this.droppedCount += trim(this.changes, MAX_PENDING);
    this.schedule(LINGER_MS);
  }

  override line({ offerId, version }: LineHint): void {
    if ((this.lines.get(offerId) ?? 0) >= version) return;
    this.lines.set(offerId, version);
    this.droppedCount += trim(this.lines, MAX_PENDING);
    this.schedule(LINGER_MS);
  }

  override close(): Promise<void> {
    this.closing ??= this.flush().then(() => this.connection.close());
    return this.closing;
  }

  private schedule(inMs: number): void {
    if (this.closing !== undefined || this.timer !== undefined || this.flushing !== null) return;
    if (!this.connection.connected) return;
    this.timer = setTimeout(() => void this.flush(), inMs);
    this.timer.unref();
  }

  private flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flushing ??= this.sendAll()
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.flushing = null;
        if (this.changes.size > 0 || this.lines.size > 0) this.schedule(LINGER_MS);
      });
    return this.flushing;
  }

  private async sendAll(): Promise<void> {
    while (this.connection.connected && (this.changes.size > 0 || this.lines.size > 0)) {
      if (performance.now() - this.clockReadAt > CLOCK_EVERY_MS) await this.readClock();
      const { lines } = this;
      this.lines = new Map();
      const changes = [...this.changes.values()].slice(0, BATCH);
      for (const { booking } of changes) this.changes.delete(booking.id);
      try {
        await this.send(lines, changes);
      } catch (error) {
        this.putBack(lines, changes);
        throw error;
      }
    }
  }

  private async send(lines: ReadonlyMap<string, number>, changes: readonly Change[]): Promise<void> {
    const hints = encodeHints(lines).map((payload): Notification => ({ channel: LINES_CHANNEL, payload }));
    const serverTime = new Date(Date.now() + this.clockOffset).toISOString();
    const { publicUrl } = this;
    const snapshots = changes.map(({ booking, ticketCodes }) =>
      servedSnapshot(booking, { publicUrl, ticketCodes, serverTime }),
    );
    const events = await this.outbox.take(snapshots);
    await this.connection.notify([...hints, ...events]);
    this.sentCount += hints.length + events.length;
  }

  /** What was not sent goes out after the next connect, unless something newer has come. */
  private putBack(lines: ReadonlyMap<string, number>, changes: readonly Change[]): void {
    for (const [offerId, version] of lines) {
      if ((this.lines.get(offerId) ?? 0) < version) this.lines.set(offerId, version);
    }
    const newer = this.changes;
    this.changes = new Map(changes.map((change) => [change.booking.id, change]));
    for (const [id, change] of newer) {
      this.changes.delete(id);
      this.changes.set(id, change);
    }
    this.droppedCount += trim(this.lines, MAX_PENDING) + trim(this.changes, MAX_PENDING);
  }

  private async readClock(): Promise<void> {
    const before = Date.now();
    const time = await this.connection.time();
    this.clockOffset = time - (before + Date.now()) / 2;
    this.clockReadAt = performance.now();
  }
}
