import { Injectable } from '@nestjs/common';
import type { TellingBacklog } from '../booking/ledger/tellings.js';
import type { LineState } from '../booking/ledger/types.js';
import { JobQueue, type QueueCounts } from '../queue/job-queue.js';
import { MAX_LISTED_OFFERS } from './catalogue.js';
import { Reading } from './reading.js';
import { Remotes } from '../remote/remotes.js';

/** What the gauges ask of the ledger. A port: the ledger implements it. */
export abstract class LedgerReadings {
  abstract lines(): Promise<readonly LineState[]>;
  /** Age in seconds of the oldest audit row outside the hash chain; 0 where there is none. */
  abstract unsealedSeconds(): Promise<number>;
  /** Bookings that are over and could not be erased. */
  abstract erasuresPutOff(): Promise<number>;
  /** What other services have yet to be told. */
  abstract tellingBacklog(): Promise<readonly TellingBacklog[]>;
}

/** What the gauges ask of the rate limits. A port: the limiter of this process implements it. */
export abstract class RateLimitReadings {
  /** Customers or addresses remembered, by limit. */
  abstract keys(): ReadonlyMap<string, number>;
  abstract isStoreAway(): boolean;
}

export interface LedgerGauges {
  /** At most `MAX_LISTED_OFFERS`, and what is beyond as one under the name `other`. */
  readonly lines: readonly LineGauges[];
  readonly unsealedSeconds: number;
  readonly erasuresPutOff: number;
  /** Offers whose stock does not add up. */
  readonly brokenOffers: number;
}
export interface LineGauges {
  readonly offer: string;
  readonly waiting: number;
  readonly grantsPerMinute: number;
  readonly stock: LineState['stock'];
}

/** A scrape waits so long and no longer, whatever the database or the broker does. */
const LIMITS = { maxAgeMs: 1000, limitMs: 1500 };

/** What all gauges of one scrape share: each source is read once. */
@Injectable()
export class Sources {
  readonly ledger: Reading<LedgerGauges>;
  readonly queue: Reading<QueueCounts>;
  readonly tellings: Reading<readonly TellingBacklog[]>;

  constructor(
    ledger: LedgerReadings,
    queue: JobQueue,
    readonly limits: RateLimitReadings,
    readonly remotes: Remotes,
  ) {
    this.ledger = new Reading(async () => {
      const [lines, unsealedSeconds, erasuresPutOff] = await Promise.all([
        ledger.lines(),
        ledger.unsealedSeconds(),
        ledger.erasuresPutOff(),
      ]);
      const brokenOffers = lines.filter(isBroken).length;
      return { lines: listed(lines), unsealedSeconds, erasuresPutOff, brokenOffers };
    }, LIMITS);
    this.queue = new Reading(async () => await queue.counts(), LIMITS);
    // nobody is told anything where nobody is configured: then nothing is read
    const isTold = remotes.caller('ticket') !== null || remotes.caller('booking') !== null;
    this.tellings = new Reading(async () => (isTold ? await ledger.tellingBacklog() : []), LIMITS);
  }
}

/** F1 of one offer, as its row says it. */
export function isBroken({ stock: { capacity, available, held, sold } }: Pick<LineState, 'stock'>): boolean {
  return Math.min(capacity, available, held, sold) < 0 || capacity !== available + held + sold;
}

/** The longest lines by name, and the rest together, so that the number of series stays bounded. */
export function listed(lines: readonly LineState[], most = MAX_LISTED_OFFERS): LineGauges[] {
  const sorted = lines
    .map(({ offerId, waiting, grantsPerMinute, stock }) => ({
      offer: offerId,
      waiting,
      grantsPerMinute,
      stock,
    }))
    .sort((a, b) => b.waiting - a.waiting || (a.offer < b.offer ? -1 : 1));
  const rest = sorted.slice(most);
  return rest.length === 0 ? sorted : [...sorted.slice(0, most), rest.reduce(added, NOTHING)];
}

const NOTHING: LineGauges = {
  offer: 'other',
  waiting: 0,
  grantsPerMinute: 0,
  stock: { capacity: 0, available: 0, held: 0, sold: 0 },
};

const added = (sum: LineGauges, { waiting, grantsPerMinute, stock }: LineGauges): LineGauges => ({
  offer: sum.offer,
  waiting: sum.waiting + waiting,
  grantsPerMinute: sum.grantsPerMinute + grantsPerMinute,
  stock: {
    capacity: sum.stock.capacity + stock.capacity,
    available: sum.stock.available + stock.available,
    held: sum.stock.held + stock.held,
    sold: sum.stock.sold + stock.sold,
  },
});
