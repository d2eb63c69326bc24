import { Ledger } from '../../src/booking/ledger/ledger.js';
import type { AcceptRequest } from '../../src/booking/ledger/types.js';
import { TimeOrderedIds } from '../../src/common/ids.js';
import type { Database } from '../../src/database/database.js';
import { actor } from './line-stage.js';

const BATCH = 500;
const MAX_LENGTH = 1_000_000;
const DAY_MS = 86_400_000;
/** The nights on sale begin so many days from today. */
const FIRST = 2;
const ROOMS_AT_ONCE = 2;

/** The nights `first` to `last`, from 1, both included. */
export interface Nights {
  readonly first: number;
  readonly last: number;
}

export interface JoinOptions {
  readonly rooms?: number;
  readonly method?: string | null;
}

/** The date of a night, as `YYYY-MM-DD`. */
export const dateOf = (night: number): string =>
  new Date(Date.now() + (FIRST + night - 1) * DAY_MS).toISOString().slice(0, 10);

/** Fills houses by the ledger's own verbs. */
export class StayStage {
  readonly ledger: Ledger;
  private readonly ids = new TimeOrderedIds();
  private offers = 0;
  private customers = 0;

  constructor(database: Database) {
    this.ledger = new Ledger(database);
  }

  /** A room type with so many nights on sale; `capacity` gives the rooms of each. */
  async house(nights: number, capacity: (night: number) => number, maxNights: number): Promise<string> {
    const id = `house-${++this.offers}`;
    await this.ledger.createRoomOffer(
      {
        ...{ id, hotelId: id, roomType: 'double', title: 'A house to measure', venue: 'Nowhere' },
        ...{ timeZone: 'UTC', checkInTime: '15:00', checkOutTime: '11:00', minNights: 1, maxNights },
        price: { amountMinor: 9000, currency: 'EUR' },
        ...{ opensAt: null, closesAt: null, holdSeconds: 3600 },
        ...{ limitPerCustomer: ROOMS_AT_ONCE, maxQuantity: ROOMS_AT_ONCE },
        nights: Array.from({ length: nights }, (_, index) => {
          const date = dateOf(index + 1);
          return { from: date, to: date, capacity: capacity(index + 1) };
        }),
      },
      null,
      actor,
    );
    return id;
  }

  /** These stays into the line, each of another customer. @returns their ids in order */
  async join(offerId: string, stays: readonly Nights[], options: JoinOptions = {}): Promise<string[]> {
    const joined: string[] = [];
    for (let from = 0; from < stays.length; from += BATCH) {
      const batch = stays.slice(from, from + BATCH).map((stay) => this.request(offerId, stay, options));
      const { outcomes } = await this.ledger.acceptStays(batch, MAX_LENGTH);
      const refused = outcomes.find((outcome) => !outcome.accepted);
      if (refused !== undefined) throw new Error(`A stay was refused: ${JSON.stringify(refused)}`);
      joined.push(...batch.map(({ bookingId }) => bookingId));
    }
    return joined;
  }

  /** Grants until nothing is left to grant. @returns how many */
  async admitAll(offerId: string): Promise<number> {
    for (let granted = 0; ;) {
      const admission = await this.ledger.admit(offerId, actor);
      granted += admission?.bookings.length ?? 0;
      if (admission?.more !== true) return granted;
    }
  }

  private request(
    offerId: string,
    { first, last }: Nights,
    { rooms = 1, method = null }: JoinOptions,
  ): AcceptRequest {
    this.customers += 1;
    return {
      bookingId: this.ids.next(),
      offerId,
      customerId: `guest-${this.customers}`,
      quantity: rooms,
      email: null,
      paymentMethod: method,
      idempotencyKey: `key-${this.customers}`,
      bodyHash: 'hash',
      stay: { firstNight: dateOf(first), lastNight: dateOf(last) },
      actor,
    };
  }
}
