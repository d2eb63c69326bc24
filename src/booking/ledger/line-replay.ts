import { SETTLED, type BookingState } from '../booking.js';
import type { ReservationState } from './reservations.js';

export interface ReplayEvent {
  readonly bookingId: string | null;
  readonly seq: number;
  readonly action: string;
  readonly from: BookingState | null;
  readonly to: BookingState | null;
  /** Units of the booking; for a ticket offer's own events the change of capacity. */
  readonly quantity: number;
  /** When it happened, in seconds since any fixed moment. */
  readonly at: number;
  /** The nights of a stay, as days since any fixed one; null for tickets, which are all of one day. */
  readonly nights: ReplayNights | null;
  /** For a room offer's own events: how many units a night has more. */
  readonly capacities: readonly (readonly [day: number, more: number])[];
  /** The event, or the stay, had begun. */
  readonly begun: boolean;
  /** Of the decision to sell a line out, which is no booking's own. */
  readonly soldOut: SoldOut | null;
  /** Of units that another system sells, which is no booking's own either. */
  readonly reservation: ReplayReservation | null;
}

export interface ReplayNights {
  readonly first: number;
  readonly last: number;
  /** When the stay begins: whoever still waits then is granted nothing any more. In seconds as `at`. */
  readonly begins: number;
}

export interface ReplayReservation {
  /** Its name and whose it is. */
  readonly id: string;
  /** Released: also before anything was told of it. */
  readonly from: ReservationState;
  readonly to: ReservationState;
  /** As of a stay; null for tickets. */
  readonly nights: Pick<ReplayNights, 'first' | 'last'> | null;
  /** Those whom it may not have overtaken, by their last number; null where it took nothing, or before that was kept. */
  readonly afterSeq: number | null;
}

interface SoldOut {
  readonly throughSeq: number;
  readonly minQuantity: number;
}

export interface ReplayFindings {
  /** Somebody was overtaken, or more was granted than there was. */
  order(violation: string): void;
  /** A booking stands where no transition led it. */
  states(violation: string): void;
  /** The log lacks a transition. */
  recorded(violation: string): void;
}

/** What somebody needs: so many units on each of these days. */
interface Need extends ReplayNights {
  readonly quantity: number;
}

/** Units of one day. */
interface Day {
  capacity: number;
  available: number;
  /** Of bookings that are paid for, and of what another system has confirmed. */
  final: number;
}

/** Bookings that wait for the same, in the order of their seq; the first that still waits is found in amortised O(1). */
class Lane {
  private readonly seqs: number[] = [];
  private readonly gone = new Set<number>();
  private head = 0;
  private floor = 0;

  constructor(readonly need: Need) {}

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

/** All tickets of an offer are of this day. */
const THE_DAY = 0;
const STAYS_FINAL: ReadonlySet<BookingState> = new Set<BookingState>(['paid', 'confirmed']);

/**
 * Replays one line. It judges every grant by what was available just before it: each earlier booking that still waits
 * must lack units on a day that it needs. And every sell-out by what was not sold for good.
 */
export class LineReplay {
  private readonly days = new Map<number, Day>();
  private readonly lanes = new Map<string, Lane>();
  private readonly states = new Map<string, BookingState>();
  private readonly reservations = new Map<string, ReservationState>();
  private lastSeq = 0;

  constructor(
    readonly offerId: string,
    private readonly findings: ReplayFindings,
  ) {}

  apply(event: ReplayEvent): void {
    if (event.soldOut !== null) this.sellOut(event, event.soldOut);
    else if (event.reservation !== null) this.reserve(event, event.reservation);
    else if (event.bookingId === null) this.resize(event);
    else if (event.to !== null) this.move(event.bookingId, event, event.to);
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

  /** Compares the end of the replay with the reservations that have units. */
  compareReservations(live: readonly { id: string; state: ReservationState }[]): void {
    const states = new Map(live.map(({ id, state }) => [id, state]));
    for (const id of new Set([...states.keys(), ...this.reservations.keys()])) {
      const [state, replayed] = [states.get(id) ?? 'released', this.reserved(id)];
      if (state !== replayed)
        this.findings.recorded(
          `reservation ${id} is ${state}, its last recorded transition led to ${replayed}`,
        );
    }
  }

  /** Effective from here on, whenever the rows that it covers are written. */
  private sellOut({ begun }: ReplayEvent, { throughSeq, minQuantity }: SoldOut): void {
    const { capacity, final } = this.day(THE_DAY);
    if (!begun && minQuantity <= capacity - final) {
      this.findings.order(
        `offer ${this.offerId}: ${minQuantity} were called sold out while ${capacity - final} were not sold for good`,
      );
    }
    for (const lane of this.lanes.values()) {
      if (lane.need.quantity >= minQuantity) lane.leaveThrough(throughSeq);
    }
  }

  private resize({ quantity, capacities }: ReplayEvent): void {
    for (const [number, more] of quantity === 0
      ? capacities
      : [[THE_DAY, quantity] as const, ...capacities]) {
      const day = this.day(number);
      day.capacity += more;
      day.available += more;
    }
  }

  /** It waits in no line of ours, and takes only what nobody who waits in one fits into. */
  private reserve(event: ReplayEvent, { id, from, to, nights, afterSeq }: ReplayReservation): void {
    const known = this.reserved(id);
    if (known !== from)
      this.findings.states(`reservation ${id} went from ${from} to ${to}, but was ${known}`);
    this.reservations.set(id, to);
    const need = needOf({ ...event, nights: nights && { ...nights, begins: Infinity } });
    for (const lane of afterSeq === null || event.begun ? [] : this.fitting(afterSeq, event.at)) {
      if (lane.need.first > need.last || lane.need.last < need.first) continue;
      this.findings.order(
        `offer ${this.offerId}: ${need.quantity} units were reserved elsewhere before number ${lane.first()}, which needed ${lane.need.quantity} of ${this.least(lane.need, available)}`,
      );
    }
    const count = (counts: (state: ReservationState) => boolean): number =>
      need.quantity * (Number(counts(to)) - Number(counts(from)));
    this.add(need, 'available', -count((state) => state !== 'released'));
    this.add(
      need,
      'final',
      count((state) => state === 'confirmed'),
    );
    if (from === 'released' && this.least(need, available) < 0)
      this.findings.order(
        `offer ${this.offerId}: ${need.quantity} units were reserved elsewhere that were not there`,
      );
  }

  /** Who waits, up to a number, and fits: the lanes that they are first in. */
  private *fitting(through: number, at: number): Generator<Lane> {
    for (const lane of this.lanes.values()) {
      if (lane.first() > through || lane.need.begins <= at) continue;
      if (this.least(lane.need, available) >= lane.need.quantity) yield lane;
    }
  }

  private reserved(id: string): ReservationState {
    return this.reservations.get(id) ?? 'released';
  }

  private move(bookingId: string, event: ReplayEvent, to: BookingState): void {
    const { action, from } = event;
    this.follow(bookingId, event);
    const need = needOf(event);
    if (action === 'accept') this.accept(event.seq, need);
    else if (from === 'waiting') this.depart(event, need, to);
    else if (GIVES_BACK.has(to)) this.add(need, 'available', need.quantity);
    if (to === 'paid') this.add(need, 'final', need.quantity);
    else if (from !== null && STAYS_FINAL.has(from) && !STAYS_FINAL.has(to))
      this.add(need, 'final', -need.quantity);
  }

  private accept(seq: number, need: Need): void {
    if (seq !== this.lastSeq + 1) {
      this.findings.order(`offer ${this.offerId}: number ${seq} was given after ${this.lastSeq}`);
    }
    this.lastSeq = seq;
    this.lane(need).join(seq);
  }

  private depart({ seq, at, nights, begun }: ReplayEvent, need: Need, to: BookingState): void {
    this.lane(need).leave(seq);
    if (to === 'sold_out' && nights !== null && !begun && this.least(need, notFinal) >= need.quantity) {
      this.findings.order(
        `offer ${this.offerId}: number ${seq} was called sold out while every night had ${need.quantity} not sold for good`,
      );
    }
    if (to !== 'held') return;
    for (const lane of this.fitting(seq - 1, at)) {
      this.findings.order(
        `offer ${this.offerId}: number ${seq} was granted before ${lane.first()}, which needed ${lane.need.quantity} of ${this.least(lane.need, available)}`,
      );
    }
    this.add(need, 'available', -need.quantity);
    if (this.least(need, available) < 0) {
      this.findings.order(
        `offer ${this.offerId}: number ${seq} was granted ${need.quantity} units that were not there`,
      );
    }
  }

  private day(number: number): Day {
    let day = this.days.get(number);
    if (day === undefined) this.days.set(number, (day = { capacity: 0, available: 0, final: 0 }));
    return day;
  }

  private least({ first, last }: Need, of: (day: Day) => number): number {
    let least = Infinity;
    for (let number = first; number <= last; number++) least = Math.min(least, of(this.day(number)));
    return least;
  }

  private add({ first, last }: Need, what: 'available' | 'final', units: number): void {
    for (let number = first; number <= last; number++) this.day(number)[what] += units;
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

  private lane(need: Need): Lane {
    const key = `${need.quantity} ${need.first} ${need.last}`;
    let lane = this.lanes.get(key);
    if (lane === undefined) this.lanes.set(key, (lane = new Lane(need)));
    return lane;
  }
}

const available = (day: Day): number => day.available;
const notFinal = (day: Day): number => day.capacity - day.final;
const needOf = ({ quantity, nights }: ReplayEvent): Need => ({
  quantity,
  ...(nights ?? { first: THE_DAY, last: THE_DAY, begins: Infinity }),
});
