import { fulfilJobId, type Actor, type Booking } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { ChargeOutcome } from '../booking/ledger/types.js';
import type { JobQueue } from '../queue/job-queue.js';
import type { MoveTeller } from './move-teller.js';

/** What a provider has said for good, outside the job that asked: recorded, told, and carried on with. */
export class ChargeRecorder {
  constructor(
    private readonly ledger: Pick<Ledger, 'recordCharge'>,
    private readonly queue: Pick<JobQueue, 'publish'>,
    private readonly teller: MoveTeller,
  ) {}

  /** Safe to repeat: it changes something once. False where it changed nothing, or there is no such attempt. */
  async record(
    { bookingId, fence }: { readonly bookingId: string; readonly fence: number },
    outcome: ChargeOutcome,
    actor: Actor,
  ): Promise<boolean> {
    const recorded = await this.ledger.recordCharge(bookingId, fence, outcome, actor);
    // What another recorded before was told by it, and may be further on by now.
    if (recorded?.moved !== true) return false;
    this.teller.tell(recorded);
    // The job that asked for the money may be long dead: whoever has paid need not wait for the next re-drive.
    await this.carryOn(recorded.bookings.filter(({ state }) => state === 'paid'));
    return true;
  }

  private async carryOn(paid: readonly Booking[]): Promise<void> {
    if (paid.length === 0) return;
    await this.queue.publish(
      paid.map(({ id, fence, correlationId }) => ({
        jobId: fulfilJobId(id),
        type: 'booking.fulfil' as const,
        data: { bookingId: id, fence, correlationId },
      })),
    );
  }
}
