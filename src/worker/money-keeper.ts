import type { Actor } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { ChargeRecorder } from './charge-recorder.js';
import { chargeOf } from './payment/charge-of.js';
import type { PaymentProvider } from './payment/payment-provider.js';

const AT_ONCE = 20;

/** Makes definite what the provider left open, and gives back what has to be given back. */
export class MoneyKeeper {
  constructor(
    private readonly ledger: Ledger,
    private readonly provider: PaymentProvider,
    private readonly recorder: ChargeRecorder,
    private readonly actor: Actor,
    private readonly settleAfterMs: number,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Attempts that were sent long ago and have no outcome: reported or voided by the provider, then recorded. */
  async settle(signal: AbortSignal): Promise<void> {
    const open = await this.ledger.unsettledAttempts(this.settleAfterMs, AT_ONCE);
    await this.each(open, async (attempt) => {
      const outcome = await this.provider.settle(chargeOf(attempt), signal);
      await this.recorder.record(attempt, outcome, this.actor);
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
