import type { BookingSnapshot } from '../../../src/booking/booking.js';
import type { JoinAnswer, LineEvent } from '../../../src/realtime/events.js';
import { placeInLine } from '../../../src/realtime/place.js';
import { Watcher } from './support.js';

/** A customer's page for one stay: it places itself by what it is told, as the protocol says, and never asks again. */
export class StayWatcher {
  /** What it shows; null once it waits no more. */
  position: number | null = null;
  /** Places that were worse than one before. */
  readonly risen: string[] = [];
  /** How often an event of the line changed what it shows. */
  movedByLine = 0;
  private seq = 0;
  private version = 0;

  private constructor(
    readonly bookingId: string,
    private readonly watcher: Watcher,
  ) {
    watcher.socket.on('line', (event) => this.hear(event));
    watcher.socket.on('booking', (snapshot) => this.see(snapshot));
  }

  static async of(url: string, accepted: { bookingId: string; token: string }): Promise<StayWatcher> {
    const watcher = new Watcher(url, { token: accepted.token });
    const own = new StayWatcher(accepted.bookingId, await watcher.connected());
    const answer = await own.join(accepted.bookingId);
    if (!answer.ok) throw new Error(`refused: ${answer.code}`);
    own.see(answer.snapshot);
    return own;
  }

  get lines(): readonly LineEvent[] {
    return this.watcher.lines;
  }

  get bookings(): readonly BookingSnapshot[] {
    return this.watcher.bookings;
  }

  join(bookingId: string): Promise<JoinAnswer> {
    return this.watcher.join({ bookingId });
  }

  close(): void {
    this.watcher.socket.disconnect();
  }

  private see({ bookingId, seq, version, position }: BookingSnapshot): void {
    if (bookingId !== this.bookingId || version < this.version) return;
    this.seq = seq;
    this.version = version;
    this.show(position);
  }

  private hear(event: LineEvent): void {
    if (event.version < this.version || this.position === null) return;
    this.version = event.version;
    const place = placeInLine(event, this.seq, 1);
    const before = this.position;
    this.show(place.kind === 'waiting' ? place.position : null);
    if (this.position !== before) this.movedByLine += 1;
  }

  private show(position: number | null): void {
    if (position !== null && this.position !== null && position > this.position) {
      this.risen.push(`from ${this.position} to ${position}`);
    }
    this.position = position;
  }
}
