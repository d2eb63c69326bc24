import { SETTLED, type BookingState } from '../booking.js';

export interface ReplayEvent {
  readonly bookingId: string | null;
  readonly seq: number;
  readonly action: string;
  readonly from: BookingState | null;
  readonly to: BookingState | null;
  /** Units of the booking; for an offer's own events the change of capacity. */
  readonly quantity: number;
  /** Of the decision to sell a line out, which is no booking's own. */
  readonly soldOut: { readonly throughSeq: number; readonly minQuantity: number } | null;
}

export interface ReplayFindings {
  /** Somebody was overtaken, or more was granted than there was. */
  order(violation: string): void;
  /** A booking stands where no transition led it. */
  states(violation: string): void;
  /** The log lacks a transition. */
  recorded(violation: string): void;
}

/** Waiting bookings of one quantity in the order of their seq; the first that still waits is found in amortised O(1). */
class Lane {
  private readonly seqs: number[] = [];
  private readonly gone = new Set<number>();
  private head = 0;
  private floor = 0;

  join(seq: number): void {
    this.seqs.push(seq);
  }
  leave(seq: number): void {
    if (seq > this.floor) this.gone.add(seq);
  }
  leaveThrough(seq: number): void {
    this.floor = Math.max(this.floor, seq);
  }
  first(): number {
    let seq = this.seqs[this.head];
    while (seq !== undefined && (this.gone.delete(seq) || seq <= this.floor)) seq = this.seqs[++this.head];
    return seq ?? Infinity;
  }
}

const GIVES_BACK: ReadonlySet<BookingState> = new Set<BookingState>(['expired', 'cancelled', 'refunded']);

/**
 * Replays one ticket line and judges every grant by what was available just before it: each earlier booking that
 * still waits must need more than that.
 */
export class LineReplay {
  private available = 0;
  private readonly lanes = new Map<number, Lane>();
  private readonly states = new Map<string, BookingState>();
  private lastSeq = 0;

  constructor(
    readonly offerId: string,
    private readonly findings: ReplayFindings,
  ) {}

  apply(event: ReplayEvent): void {
    if (event.soldOut !== null) {
      // Effective from here on, whenever the rows that it covers are written.
      for (const [quantity, lane] of this.lanes) {
        if (quantity >= event.soldOut.minQuantity) lane.leaveThrough(event.soldOut.throughSeq);
      }
      return;
    }
    if (event.bookingId === null) {
      this.available += event.quantity;
      return;
    }
    if (event.to === null) return;
    this.follow(event.bookingId, event);
    if (event.action === 'accept') this.accept(event);
    else if (event.from === 'waiting') this.depart(event);
    else if (GIVES_BACK.has(event.to)) this.available += event.quantity;
  }

  /** Compares the end of the replay with the rows as they are. */
  compare(rows: readonly { id: string; state: BookingState; covered: boolean }[]): void {
    for (const { id, state, covered } of rows) {
      const replayed = this.states.get(id);
      if (replayed !== state) {
        this.findings.recorded(
          `booking ${id} is ${state}, its last recorded transition led to ${replayed ?? 'nowhere'}`,
        );
      }
      if (covered && state !== 'waiting')
        this.findings.states(`booking ${id} is ${state} although it was sold out`);
    }
  }

  private accept({ seq, quantity }: ReplayEvent): void {
    if (seq !== this.lastSeq + 1) {
      this.findings.order(`offer ${this.offerId}: number ${seq} was given after ${this.lastSeq}`);
    }
    this.lastSeq = seq;
    this.lane(quantity).join(seq);
  }

  private depart(event: ReplayEvent): void {
    this.lane(event.quantity).leave(event.seq);
    if (event.to !== 'held') return;
    for (const [quantity, lane] of this.lanes) {
      if (quantity > this.available) continue;
      const first = lane.first();
      if (first < event.seq) {
        this.findings.order(
          `offer ${this.offerId}: number ${event.seq} was granted before ${first}, which needed ${quantity} of ${this.available}`,
        );
      }
    }
    this.available -= event.quantity;
    if (this.available < 0) {
      this.findings.order(
        `offer ${this.offerId}: number ${event.seq} was granted ${event.quantity} units that were not there`,
      );
    }
  }

  private follow(bookingId: string, { from, to }: ReplayEvent): void {
    const known = this.states.get(bookingId) ?? null;
    if (known !== from) {
      this.findings.states(`booking ${bookingId} left ${from ?? 'nothing'}, but was ${known ?? 'not there'}`);
    }
    if (known !== null && SETTLED.has(known) && to !== 'refunded') {
      this.findings.states(`booking ${bookingId} was settled as ${known} and went on to ${to ?? '?'}`);
    }
    if (to !== null) this.states.set(bookingId, to);
  }

  private lane(quantity: number): Lane {
    let lane = this.lanes.get(quantity);
    if (lane === undefined) this.lanes.set(quantity, (lane = new Lane()));
    return lane;
  }
}
