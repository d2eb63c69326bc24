import {
  OWNED,
  units,
  type ModelBooking,
  type ModelRequest,
  type ModelReservation,
  type Nights,
  type Rules,
} from './model-booking.js';
import { Line } from './model.js';

export const SHORTEST = 1;
export const LONGEST = 4;
/** On sale from the beginning: these nights, but for one between them. */
export const FIRST_NIGHTS: readonly Nights[] = [
  [1, 4],
  [6, 7],
];

const covers = ([first, last]: Nights, night: number): boolean => first <= night && night <= last;
const nightsOf = ([first, last]: Nights): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
const share = (one: Nights, other: Nights): boolean => one[0] <= other[1] && other[0] <= one[1];

/** The line of a room offer, as the design describes it: stock by night, and only who shares a night competes. */
export class StayLine extends Line {
  readonly capacities = new Map<number, number>();
  /** Units became final there since all who have lost by it were told. */
  private readonly tightened = new Set<number>();

  constructor(rules: Rules) {
    super(rules);
    for (const night of FIRST_NIGHTS.flatMap(nightsOf)) this.capacities.set(night, rules.capacity);
  }

  /** Units of a night that bookings in these states need. */
  unitsOn(night: number, ...states: Parameters<Line['in']>): number {
    return units(this.in(...states).filter(({ nights }) => covers(nights, night)));
  }
  /** The same of what another system has. */
  theirsOn(night: number, ...states: Parameters<Line['theirs']>): number {
    return units(this.theirs(...states).filter(({ nights }) => covers(nights, night)));
  }
  private takenOn(night: number): number {
    return this.unitsOn(night, ...OWNED) + this.theirsOn(night, 'reserved', 'confirmed');
  }
  availableOn(night: number): number {
    return (this.capacities.get(night) ?? 0) - this.takenOn(night);
  }
  private leftOn(night: number): number {
    const final = this.unitsOn(night, 'paid', 'confirmed') + this.theirsOn(night, 'confirmed');
    return (this.capacities.get(night) ?? 0) - final;
  }
  private fits({ quantity, nights }: Pick<ModelBooking, 'quantity' | 'nights'>): boolean {
    return nightsOf(nights).every((night) => quantity <= this.availableOn(night));
  }
  private hasLost(booking: ModelBooking): boolean {
    const { quantity, nights } = booking;
    return this.hasBegun(booking) || nightsOf(nights).some((night) => quantity > this.leftOn(night));
  }

  /** The stays of the first night alone can begin here. */
  override hasBegun({ nights }: Pick<ModelBooking, 'nights'>): boolean {
    return this.begun && nights[0] === 1;
  }
  override get grantable(): ModelBooking[] {
    return this.waiting.filter((booking) => !this.hasBegun(booking) && this.fits(booking));
  }
  /** Those who are to be told that it is sold out. */
  get lost(): ModelBooking[] {
    return this.waiting.filter((booking) => this.hasLost(booking));
  }

  protected override refusalOf(request: ModelRequest): string | null {
    const { customer, quantity, nights } = request;
    const length = nights[1] - nights[0] + 1;
    if (this.paused) return 'OFFER_PAUSED';
    if (this.hasBegun(request)) return 'CHECK_IN_PAST';
    if (length < SHORTEST) return 'STAY_TOO_SHORT';
    if (length > LONGEST) return 'STAY_TOO_LONG';
    if (quantity > this.rules.maxQuantity) return 'LIMIT_PER_CUSTOMER';
    if (nightsOf(nights).some((night) => !this.capacities.has(night))) return 'NIGHT_NOT_ON_SALE';
    if (nightsOf(nights).some((night) => quantity > this.leftOn(night))) return 'SOLD_OUT';
    const own = this.ownOf(customer);
    const most = Math.max(
      ...nightsOf(nights).map((night) => units(own.filter((stay) => covers(stay.nights, night)))),
    );
    return most + quantity > this.rules.limit ? 'LIMIT_PER_CUSTOMER' : null;
  }
  protected override rivalsOf({ nights }: Pick<ModelRequest, 'nights'>): ModelBooking[] {
    return this.waiting.filter((other) => share(other.nights, nights));
  }
  protected override joined(booking: ModelBooking): void {
    if (this.fits(booking)) this.due = true;
  }

  override admit(limit: number): ModelBooking[] {
    const granted: ModelBooking[] = [];
    if (this.paused) return granted;
    this.due = false;
    for (const booking of this.grantable) {
      if (!this.fits(booking)) continue;
      this.due = granted.length === limit;
      if (this.due) break;
      granted.push(this.grant(booking));
    }
    return granted;
  }

  protected override paidFor({ nights }: Pick<ModelBooking, 'nights'>): void {
    for (const night of nightsOf(nights)) this.tightened.add(night);
    this.decide();
  }
  /** Only marks that there may be somebody to be told; they are told one by one. */
  override decide(): void {
    if (this.waiting.length > 0 && this.tightened.size > 0) this.deciding = true;
  }
  /** Which of those who lost are told first is nobody's right: `told` are those whom the ledger chose. */
  tell(told: readonly number[], limit: number): { readonly chosen: boolean; readonly done: boolean } {
    const { lost } = this;
    const chosen = lost.filter(({ seq }) => told.includes(seq));
    for (const booking of chosen) this.move(booking, 'sold_out');
    this.deciding = told.length === limit;
    if (!this.deciding) this.tightened.clear();
    return {
      chosen: chosen.length === told.length && chosen.length === Math.min(limit, lost.length),
      done: !this.deciding,
    };
  }

  protected override short(told: ModelReservation): string | null {
    if (nightsOf(told.nights).some((night) => !this.capacities.has(night))) return 'NIGHT_NOT_ON_SALE';
    return this.fits(told) ? null : 'SOLD_OUT';
  }

  protected override hasRival({ nights }: ModelReservation): boolean {
    return this.grantable.some((stay) => share(stay.nights, nights));
  }

  override resize(capacity: number, nights: Nights): string {
    const changed = nightsOf(nights);
    if (changed.some((night) => capacity < this.takenOn(night))) return 'CAPACITY_BELOW_SOLD';
    for (const night of changed) {
      if (capacity < (this.capacities.get(night) ?? 0)) this.tightened.add(night);
      this.capacities.set(night, capacity);
    }
    this.due = true;
    this.decide();
    return 'DONE';
  }
}
