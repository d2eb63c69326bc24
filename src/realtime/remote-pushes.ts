import type { Booking } from '../booking/booking.js';
import { stateName, timestamp } from '../grpc/values.js';
import { RemoteError, type Caller } from '../remote/remotes.js';
import { isToldByLine, type LineHint, Notifier } from './notifier.js';
import { trim } from './trim.js';

/** What happens to a booking or a line meanwhile is one push. */
const LINGER_MS = 25;
const AT_ONCE = 50;
/** Bookings and lines kept while the service is away; beyond it the oldest are dropped. */
const MAX_PENDING = 10_000;
const TRY_AGAIN_MS = 1000;
/** What is pending at the end gets so long. */
const CLOSING_MS = 500;

interface Push {
  readonly method: 'PushStatus' | 'PushPosition';
  readonly request: object;
  /** Puts it back where nothing newer has come. */
  readonly again: () => void;
}

/**
 * Pushes to a realtime service elsewhere, by `fairline.v1.RealtimeService`. Of each booking and line the newest state
 * alone, so many of them at most: what is lost, its clients learn from the snapshot of their next join.
 */
export class RemotePushes extends Notifier {
  private changes = new Map<string, { readonly booking: Booking; readonly ticketCodes: readonly string[] }>();
  private lines = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> | null = null;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly caller: Caller,
    private readonly dropped: (pushes: number) => void,
  ) {
    super();
  }

  override get connected(): boolean {
    return this.caller.state === 'up';
  }

  override bookings(bookings: readonly Booking[]): void {
    for (const booking of bookings) this.progress(booking, []);
  }

  override progress(booking: Booking, ticketCodes: readonly string[]): void {
    if (isToldByLine(booking)) return;
    this.changes.delete(booking.id);
    this.changes.set(booking.id, { booking, ticketCodes });
    this.drop(trim(this.changes, MAX_PENDING));
    this.schedule(LINGER_MS);
  }

  override line({ offerId, version }: LineHint): void {
    if ((this.lines.get(offerId) ?? 0) >= version) return;
    this.lines.set(offerId, version);
    this.drop(trim(this.lines, MAX_PENDING));
    this.schedule(LINGER_MS);
  }

  override close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private get pending(): number {
    return this.changes.size + this.lines.size;
  }

  private drop(pushes: number): void {
    if (pushes > 0) this.dropped(pushes);
  }

  private schedule(inMs: number): void {
    if (this.closing !== undefined || this.timer !== undefined || this.flushing !== null) return;
    this.timer = setTimeout(() => void this.flush(), inMs);
    this.timer.unref();
  }

  private flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flushing ??= this.sendAll().finally(() => {
      this.flushing = null;
      if (this.pending > 0) this.schedule(TRY_AGAIN_MS);
    });
    return this.flushing;
  }

  /** Until nothing is pending, or the service does not take it for now. */
  private async sendAll(): Promise<void> {
    for (let goesOn = true; goesOn && this.pending > 0;) {
      const most = { up: AT_ONCE, trying: 1, down: 0 }[this.caller.state];
      const sent = await Promise.all(this.take(most).map((push) => this.send(push)));
      goesOn = sent.length > 0 && sent.every((isDone) => isDone);
    }
  }

  private async send({ method, request, again }: Push): Promise<boolean> {
    try {
      await this.caller.call(method, request);
      return true;
    } catch (error) {
      const isAnswer = error instanceof RemoteError && error.outcome === 'refused';
      if (isAnswer) this.drop(1);
      else again();
      return isAnswer;
    }
  }

  private take(most: number): Push[] {
    const pushes: Push[] = [];
    for (const [offerId, version] of this.lines) {
      if (pushes.length >= most) return pushes;
      this.lines.delete(offerId);
      pushes.push({
        method: 'PushPosition',
        request: { offerId, version },
        again: () => this.lines.set(offerId, Math.max(version, this.lines.get(offerId) ?? 0)),
      });
    }
    for (const [id, change] of this.changes) {
      if (pushes.length >= most) return pushes;
      this.changes.delete(id);
      pushes.push({
        method: 'PushStatus',
        request: statusOf(change.booking, change.ticketCodes),
        again: () => {
          if (!this.changes.has(id)) this.changes.set(id, change);
        },
      });
    }
    return pushes;
  }

  private async finish(): Promise<void> {
    clearTimeout(this.timer);
    const enough = new Promise<void>((done) => setTimeout(done, CLOSING_MS).unref());
    await Promise.race([this.flush(), enough]);
    this.drop(this.pending);
    this.changes.clear();
    this.lines.clear();
  }
}

/** `fairline.v1.PushStatusRequest`. */
function statusOf(booking: Booking, ticketCodes: readonly string[]): object {
  const { id, fence, version, state, reason, progress, deadline, offerId } = booking;
  return {
    bookingId: id,
    fence,
    version,
    state: stateName(state),
    progress,
    ticketCodes,
    offerId,
    ...(reason === null ? {} : { reason }),
    ...(deadline === null ? {} : { deadline: timestamp(deadline) }),
  };
}
