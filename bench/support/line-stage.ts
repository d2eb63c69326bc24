import type { Actor } from '../../src/booking/booking.js';
import { Ledger } from '../../src/booking/ledger/ledger.js';
import type { AcceptRequest } from '../../src/booking/ledger/types.js';
import { TimeOrderedIds } from '../../src/common/ids.js';
import type { Database } from '../../src/database/database.js';

export const actor: Actor = { kind: 'system', id: 'bench', correlationId: 'bench' };

const BATCH = 500;
const MAX_LENGTH = 1_000_000;

/** Fills lines by the ledger's own verb and moves bookings about in them. */
export class LineStage {
  readonly ledger: Ledger;
  private readonly ids = new TimeOrderedIds();
  private offers = 0;
  private customers = 0;

  constructor(database: Database) {
    this.ledger = new Ledger(database);
  }

  async offer(capacity: number, maxQuantity = 4): Promise<string> {
    const id = `bench-${++this.offers}`;
    await this.ledger.createOffer(
      {
        id,
        eventId: id,
        ticketType: 'standing',
        title: 'A line to measure',
        venue: 'Nowhere',
        timeZone: 'UTC',
        startsAt: new Date(Date.now() + 90 * 86_400_000).toISOString(),
        price: { amountMinor: 4900, currency: 'EUR' },
        capacity,
        opensAt: null,
        closesAt: null,
        holdSeconds: 3600,
        limitPerCustomer: maxQuantity,
        maxQuantity,
      },
      null,
      actor,
    );
    return id;
  }

  /** So many more bookings in the line, each of another customer. @returns their ids in order */
  async join(
    offerId: string,
    count: number,
    { quantity = 1, method = null }: { quantity?: number; method?: string | null } = {},
  ): Promise<string[]> {
    const joined: string[] = [];
    while (joined.length < count) {
      const batch = Array.from({ length: Math.min(BATCH, count - joined.length) }, () =>
        this.request(offerId, quantity, method),
      );
      const { outcomes } = await this.ledger.accept(batch, MAX_LENGTH);
      const refused = outcomes.find((outcome) => !outcome.accepted);
      if (refused !== undefined) throw new Error(`A booking was refused: ${JSON.stringify(refused)}`);
      joined.push(...batch.map(({ bookingId }) => bookingId));
    }
    return joined;
  }

  /** Sells the one unit of a line whose first booking has paid beforehand, but for the last word. @returns that word */
  async sale(offerId: string): Promise<() => Promise<unknown>> {
    const admission = await this.ledger.admit(offerId, actor);
    const [paying] = admission?.bookings ?? [];
    if (paying === undefined) throw new Error('Nobody was granted');
    return () => this.ledger.recordCharge(paying.id, paying.fence, { kind: 'captured' }, actor);
  }

  private request(offerId: string, quantity: number, paymentMethod: string | null): AcceptRequest {
    this.customers += 1;
    return {
      bookingId: this.ids.next(),
      offerId,
      customerId: `customer-${this.customers}`,
      quantity,
      email: null,
      paymentMethod,
      idempotencyKey: `key-${this.customers}`,
      bodyHash: 'hash',
      actor,
    };
  }
}
