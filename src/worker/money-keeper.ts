import type { Actor } from '../booking/booking.js';
import type { LedgerRefund } from '../booking/ledger/give-back.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { ChargeRecorder } from './charge-recorder.js';
import { chargeOf } from './payment/charge-of.js';
import type { PaymentProvider, RefundRequest } from './payment/payment-provider.js';

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
      const outcome = await this.provider.refund(requestOf(refund), signal);
      if (outcome.kind === 'refunded') await this.ledger.refundSucceeded(refund.id, this.actor);
    });
  }

  /** Refunds that were given: one that the bank has sent back, and nobody told us, is pending again. */
  async lookAtRefunds(signal: AbortSignal): Promise<void> {
    await this.each(await this.ledger.refundsToLookAt(AT_ONCE), async (refund) => {
      const stands = await this.provider.refundStands(requestOf(refund), signal);
      if (!stands) await this.ledger.reopenRefund(refund.refundKey, this.actor);
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

const requestOf = ({ refundKey, providerKey, amount }: LedgerRefund): RefundRequest => ({
  key: refundKey,
  chargeKey: providerKey,
  ...amount,
});
