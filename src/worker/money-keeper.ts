import { fulfilJobId, type Actor, type Booking } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { JobQueue } from '../queue/job-queue.js';
import type { MoveTeller } from './move-teller.js';
import { chargeOf } from './payment/charge-of.js';
import type { PaymentProvider } from './payment/payment-provider.js';

const AT_ONCE = 20;

/** Makes definite what the provider left open, and gives back what has to be given back. */
export class MoneyKeeper {
  constructor(
    private readonly ledger: Ledger,
    private readonly provider: PaymentProvider,
    private readonly queue: Pick<JobQueue, 'publish'>,
    private readonly teller: MoveTeller,
    private readonly actor: Actor,
    private readonly settleAfterMs: number,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Attempts that were sent long ago and have no outcome: reported or voided by the provider, then recorded. */
  async settle(signal: AbortSignal): Promise<void> {
    const open = await this.ledger.unsettledAttempts(this.settleAfterMs, AT_ONCE);
    await this.each(open, async (attempt) => {
      const outcome = await this.provider.settle(chargeOf(attempt), signal);
      const moved = await this.ledger.recordCharge(attempt.bookingId, attempt.fence, outcome, this.actor);
      if (moved === null) return;
      this.teller.tell(moved);
      // The job that asked for the money may be long dead: whoever has paid need not wait for the next re-drive.
      await this.carryOn(moved.bookings.filter(({ state }) => state === 'paid'));
    });
  }

  /** Refunds whose time has come. What is only accepted by the provider is asked for again later. */
  async refund(signal: AbortSignal): Promise<void> {
    await this.each(await this.ledger.dueRefunds(AT_ONCE), async (refund) => {
      const request = { key: refund.refundKey, chargeKey: refund.providerKey, ...refund.amount };
      const outcome = await this.provider.refund(request, signal);
      if (outcome.kind === 'refunded') await this.ledger.refundSucceeded(refund.id, this.actor);
    });
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

  private async each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    await Promise.all(
      items.map(async (item) => {
        try {
          await work(item);
        } catch (error) {
          this.failed(error);
        }
      }),
    );
  }
}
