import type { Actor } from '../../booking/booking.js';
import type { Ledger } from '../../booking/ledger/ledger.js';
import type { Fulfilment } from '../../booking/ledger/types.js';
import type { MoveTeller } from '../move-teller.js';
import type { Tellers } from '../told/tellers.js';
import type { Step, StepOutcome } from './step.js';

/** The end: held units become sold ones, and the booking is confirmed. */
export class InventoryStep implements Step {
  readonly name = 'inventory';

  constructor(
    private readonly ledger: Ledger,
    private readonly teller: MoveTeller,
    /** Other services are told by what the ledger has written: now, and again until they know. */
    private readonly tellers: Pick<Tellers, 'hasten'>,
    private readonly actor: Actor,
  ) {}

  async run({ booking }: Fulfilment): Promise<StepOutcome> {
    const moved = await this.ledger.confirm(booking.id, this.actor);
    const [confirmed] = moved?.bookings ?? [];
    if (moved === null || confirmed === undefined) return this.lookAgain(booking.id);
    // The booking itself is told by whoever runs the steps: with its tickets.
    this.teller.tellLine(moved);
    this.tellers.hasten();
    return { kind: 'succeeded', booking: confirmed };
  }

  /** It may be confirmed by a call whose answer was lost: then the customer has yet to be told. */
  private async lookAgain(bookingId: string): Promise<StepOutcome> {
    const found = await this.ledger.booking(bookingId);
    return found?.booking.state === 'confirmed'
      ? { kind: 'succeeded', booking: found.booking }
      : { kind: 'over' };
  }
}
