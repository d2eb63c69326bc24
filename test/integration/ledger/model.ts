import type { BookingState } from '../../../src/booking/booking.js';
import type { ReservationState } from '../../../src/booking/ledger/reservations.js';
import {
  LEAVES,
  OWNED,
  units,
  type ModelBooking,
  type ModelRequest,
  type ModelReservation,
  type ModelTelling,
  type Nights,
  type Rules,
} from './model-booking.js';

/** How far a telling goes under one fence. */
const REACH: readonly ReservationState[] = ['reserved', 'confirmed', 'released'];

/** The line as the design describes it, without a database: lists, loops and nothing clever. */
export class Line {
  readonly bookings: ModelBooking[] = [];
  capacity: number;
  paused = false;
  begun = false;
  /** Somebody may have to be granted something. */
  due = false;
  /** Bookings that a decision covers and whose rows do not say so yet. */
  unwritten = 0;
  deciding = false;
  protected readonly reservations = new Map<number, ModelReservation>();
  private readonly keys = new Map<string, { body: string; booking: ModelBooking }>();

  constructor(protected readonly rules: Rules) {
    this.capacity = rules.capacity;
  }
  in(...states: BookingState[]): ModelBooking[] {
    return this.bookings.filter((booking) => states.includes(booking.state));
  }
  get waiting(): ModelBooking[] {
    return this.in('waiting');
  }
  get available(): number {
    return this.capacity - this.taken;
  }
  private get taken(): number {
    return units(this.in(...OWNED)) + units(this.theirs('reserved', 'confirmed'));
  }
  /** What another system has in such a state. */
  theirs(...states: ReservationState[]): ModelReservation[] {
    return [...this.reservations.values()].filter(({ state }) => states.includes(state));
  }
  /** What can still come to somebody who waits, now or later. */
  get notFinal(): number {
    return this.begun
      ? 0
      : this.capacity - units([...this.in('paid', 'confirmed'), ...this.theirs('confirmed')]);
  }
  get grantable(): ModelBooking[] {
    return this.waiting.filter(({ quantity }) => quantity <= this.available);
  }

  accept(request: ModelRequest): ModelBooking | string {
    const { customer, quantity, prepaid, nights } = request;
    const body = JSON.stringify([quantity, prepaid, nights]);
    const known = request.key === null ? undefined : this.keys.get(`${customer} ${request.key}`);
    if (known !== undefined) return known.body === body ? known.booking : 'IDEMPOTENCY_KEY_REUSED';
    const refusal = this.refusalOf(request);
    if (refusal !== null) return refusal;
    const position = this.rivalsOf(request).length + 1;
    if (position > this.rules.maxLength) return 'LINE_FULL';
    const booking: ModelBooking = {
      ...{ customer, quantity, prepaid, nights, state: 'waiting', fence: 0, time: 'none', letter: 'none' },
      ...{ seq: this.bookings.length + 1, position, history: ['waiting'] },
      ...{ attempts: new Map(), steps: new Set(), refunds: new Set() },
    };
    this.bookings.push(booking);
    if (request.key !== null) this.keys.set(`${customer} ${request.key}`, { body, booking });
    this.joined(booking);
    return booking;
  }
  protected refusalOf({ customer, quantity }: ModelRequest): string | null {
    if (this.paused) return 'OFFER_PAUSED';
    if (this.begun) return 'OFFER_CLOSED';
    if (quantity > this.rules.maxQuantity) return 'LIMIT_PER_CUSTOMER';
    if (quantity > this.notFinal) return 'SOLD_OUT';
    if (units(this.ownOf(customer)) + quantity > this.rules.limit) return 'LIMIT_PER_CUSTOMER';
    return null;
  }
  protected ownOf(customer: number): ModelBooking[] {
    return this.in('waiting', ...OWNED).filter((booking) => booking.customer === customer);
  }
  /** Those whom it waits for. */
  protected rivalsOf(_request: Pick<ModelRequest, 'nights'>): ModelBooking[] {
    return this.waiting;
  }
  protected joined(_booking: ModelBooking): void {
    if (this.available > 0) this.due = true;
  }

  admit(limit: number): ModelBooking[] {
    const granted: ModelBooking[] = [];
    if (this.paused && !this.begun) return granted;
    this.due = false;
    if (this.begun) this.decide();
    for (const booking of this.begun ? [] : this.grantable) {
      this.due = granted.length === limit && this.available > 0;
      if (this.due) break;
      if (booking.quantity <= this.available) granted.push(this.grant(booking));
    }
    return granted;
  }
  protected grant(booking: ModelBooking): ModelBooking {
    this.move(booking, 'held');
    booking.time = booking.prepaid ? 'none' : 'ahead';
    if (booking.prepaid) this.charging(booking);
    return booking;
  }
  pay(booking: ModelBooking): string {
    if (booking.state === 'paying') return 'PAYMENT_IN_PROGRESS';
    if (booking.state === 'waiting') return 'NOT_HELD';
    if (booking.state === 'held' && this.hasBegun(booking)) return 'OFFER_CLOSED';
    if (booking.state === 'expired' || (booking.state === 'held' && booking.time === 'over'))
      return 'HOLD_EXPIRED';
    if (booking.state !== 'held') return 'ALREADY_SETTLED';
    this.charging(booking);
    return 'DONE';
  }
  private charging(booking: ModelBooking): void {
    this.move(booking, 'paying');
    booking.attempts.set(booking.fence, 'started');
  }
  charge(booking: ModelBooking, fence: number, outcome: 'captured' | 'declined' | 'voided'): boolean | null {
    const before = booking.attempts.get(fence);
    if (before === undefined) return null;
    if (before !== 'started' && (before === 'captured' || outcome !== 'captured')) return false;
    booking.attempts.set(fence, outcome);
    if (before !== 'started' || booking.state !== 'paying' || booking.fence !== fence) {
      if (outcome === 'captured') booking.refunds.add(fence);
      return false;
    }
    if (outcome === 'captured') {
      this.move(booking, 'paid');
      booking.steps.add('payment');
      booking.time = 'none';
      this.paidFor(booking);
    } else if (booking.time === 'over') this.release(booking, 'expired');
    else {
      this.move(booking, 'held');
      booking.time = 'ahead';
    }
    return true;
  }

  /** With a fence as the worker turns an invalid booking away, without as its customer leaves. */
  cancel(booking: ModelBooking, fence: number | null): string {
    if (!LEAVES.includes(booking.state)) return 'ALREADY_SETTLED';
    if ((booking.state === 'paying' || fence !== null) && fence !== booking.fence)
      return 'PAYMENT_IN_PROGRESS';
    if (booking.state === 'paying') booking.attempts.set(booking.fence, 'voided');
    if (booking.state === 'waiting') this.move(booking, 'cancelled');
    else this.release(booking, 'cancelled');
    return 'DONE';
  }
  expire(): number {
    const over = this.in('held').filter(({ time }) => time === 'over');
    for (const booking of over) this.release(booking, 'expired');
    return over.length;
  }
  private release(booking: ModelBooking, to: 'expired' | 'cancelled' | 'refunded'): void {
    this.move(booking, to);
    booking.time = 'none';
    this.due = true;
  }

  protected hasBegun(_booking: ModelBooking): boolean {
    return this.begun;
  }
  protected paidFor(_booking: Pick<ModelBooking, 'nights'>): void {
    this.decide();
  }
  /** Units sold for good leave too few: all who need more are told at once, their rows follow. */
  decide(): void {
    const unlucky = this.waiting.filter(({ quantity }) => quantity > this.notFinal);
    if (this.deciding || unlucky.length === 0) return;
    for (const booking of unlucky) this.move(booking, 'sold_out');
    this.deciding = true;
    this.unwritten = unlucky.length;
  }
  write(limit: number): { written: number; done: boolean } {
    if (!this.deciding) return { written: 0, done: true };
    const written = Math.min(limit, this.unwritten);
    this.unwritten -= written;
    if (written < limit) {
      this.deciding = false;
      this.decide();
    }
    return { written, done: !this.deciding };
  }

  resize(capacity: number, _nights: Nights): string {
    if (capacity < this.taken) return 'CAPACITY_BELOW_SOLD';
    const less = capacity < this.capacity;
    this.capacity = capacity;
    this.due = true;
    if (less) this.decide();
    return 'DONE';
  }
  /** @returns the state that it is in then, or why not */
  reserve({ theirs, ...told }: ModelTelling): string {
    const { quantity, nights, fence, state } = told;
    const known = this.reservations.get(theirs) ?? { ...told, fence: -1, state: 'released' };
    if (known.quantity !== quantity) return 'IDEMPOTENCY_KEY_REUSED';
    if (fence < known.fence) return known.state;
    if (fence === known.fence && REACH.indexOf(state) <= REACH.indexOf(known.state)) return known.state;
    const refusal = known.state === 'released' && state !== 'released' ? this.lacks(told) : null;
    if (refusal !== null) return refusal;
    this.reservations.set(theirs, told);
    if (state === known.state) return state;
    if (state === 'released') this.due = true;
    if (state === 'confirmed') this.paidFor({ nights });
    return state;
  }
  private lacks(told: ModelReservation): string | null {
    return this.short(told) ?? (this.hasRival(told) ? 'OTHERS_FIRST' : null);
  }
  /** Somebody who waits can have some of the same units. */
  protected hasRival(_told: ModelReservation): boolean {
    return !this.begun && this.grantable.length > 0;
  }
  protected short({ quantity }: ModelReservation): string | null {
    return quantity > this.available ? 'SOLD_OUT' : null;
  }
  pause(on: boolean): string {
    this.paused = on;
    this.due = true;
    return 'DONE';
  }
  step(booking: ModelBooking, step: 'validate' | 'pdf' | 'email'): boolean {
    if (booking.state !== (step === 'validate' ? 'paying' : 'paid') || booking.steps.has(step)) return false;
    booking.steps.add(step);
    return true;
  }
  confirm(booking: ModelBooking): boolean {
    if (booking.state !== 'paid' || booking.steps.size < 4) return false;
    booking.steps.add('inventory');
    this.move(booking, 'confirmed');
    return true;
  }
  openLetter(booking: ModelBooking): boolean {
    if (booking.state !== 'paid' || booking.letter === 'open') return false;
    booking.letter = 'open';
    return true;
  }
  resolve(booking: ModelBooking, how: 'replayed' | 'discarded'): string {
    if (booking.letter !== 'open') return 'DEAD_LETTER_RESOLVED';
    booking.letter = 'resolved';
    // A worker that was at it may have confirmed it meanwhile: then there is nothing to give up.
    if (how === 'discarded' && booking.state === 'paid') this.giveBack(booking);
    return 'DONE';
  }
  /** Offers here are refundable until they begin. */
  refund(booking: ModelBooking, byTerms: boolean): string {
    if (booking.state === 'paying') return 'PAYMENT_IN_PROGRESS';
    if (booking.state === 'waiting' || booking.state === 'held') return 'NOT_PAID';
    if (booking.state !== 'paid' && booking.state !== 'confirmed') return 'ALREADY_SETTLED';
    if (byTerms && this.hasBegun(booking)) return 'NOT_REFUNDABLE';
    if (booking.letter === 'open') booking.letter = 'resolved';
    this.giveBack(booking);
    return 'DONE';
  }
  private giveBack(booking: ModelBooking): void {
    const [paid = 0] = [...booking.attempts]
      .flatMap(([fence, of]) => (of === 'captured' ? [fence] : []))
      .reverse();
    booking.refunds.add(paid);
    this.release(booking, 'refunded');
  }
  protected move(booking: ModelBooking, to: BookingState): void {
    booking.state = to;
    booking.history.push(to);
    if (to === 'held' || to === 'paying') booking.fence++;
  }
}
