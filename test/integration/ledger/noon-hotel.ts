import type { OfferChange } from '../../../src/booking/ledger/types.js';
import type { TestLedger } from '../../support/ledger.js';
import { newRooms } from '../../support/stays.js';
import type { Sale } from './crowd.js';
import type { Nights, Rules } from './model-booking.js';
import { FIRST_NIGHTS, LONGEST, SHORTEST } from './model-stays.js';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NOON = 12;

/** Where it is noon now, all year round, and the date there of the night 1: today. */
export class NoonHotel {
  private readonly ahead = NOON - new Date().getUTCHours();
  private readonly now = Date.now();

  get timeZone(): string {
    // The names of these zones say how far behind they are.
    return `Etc/GMT${this.ahead > 0 ? '-' : '+'}${Math.abs(this.ahead)}`;
  }
  date(night: number): string {
    return new Date(this.now + this.ahead * HOUR_MS + (night - 1) * DAY_MS).toISOString().slice(0, 10);
  }
  stay([first, last]: Nights): { readonly firstNight: string; readonly lastNight: string } {
    return { firstNight: this.date(first), lastNight: this.date(last) };
  }
  nights([from, to]: Nights, capacity: number): OfferChange {
    return { nights: [{ from: this.date(from), to: this.date(to), capacity }] };
  }
  /** A room offer here whose stays begin late in the evening. */
  async open(world: Pick<TestLedger, 'ledger'>, rules: Rules, holdSeconds: number): Promise<string> {
    const { capacity, maxQuantity, limit } = rules;
    const { id } = await newRooms(world, 0, 0, {
      ...{ maxQuantity, limitPerCustomer: limit, holdSeconds, minNights: SHORTEST, maxNights: LONGEST },
      ...{ timeZone: this.timeZone, checkInTime: '23:00', cancellation: { refundable: true } },
      nights: FIRST_NIGHTS.flatMap((nights) => this.nights(nights, capacity).nights ?? []),
    });
    return id;
  }
  /** From now on it is past the time to come, on whatever day. */
  async begin({ sql }: Pick<TestLedger, 'sql'>, offerId: string): Promise<void> {
    await sql(`update offer set check_in_time = '00:30' where id = $1`, [offerId]);
    await sql(
      `update booking b set check_in = (b.first_day + o.check_in_time) at time zone o.time_zone
       from offer o where o.id = b.offer_id and o.id = $1`,
      [offerId],
    );
  }
}

/** Rooms of such a hotel, as a crowd sees them. */
export function rooms(hotel = new NoonHotel()): Sale {
  return {
    open: (world, rules, holdSeconds) => hotel.open(world, rules, holdSeconds),
    named: ({ nights }) => ({ stay: hotel.stay(nights) }),
    send: (ledger, requests, maxLength) => ledger.acceptStays(requests, maxLength),
    reserved: (nights) => hotel.stay(nights),
    resized: ({ nights, capacity }) => hotel.nights(nights, capacity),
  };
}
