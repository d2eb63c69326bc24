import type { Actor } from '../../booking/booking.js';
import type { Ledger } from '../../booking/ledger/ledger.js';
import type { ChargeOutcome, Fulfilment } from '../../booking/ledger/types.js';
import { PermanentFailure } from '../../queue/job-queue.js';
import type { MoveTeller } from '../move-teller.js';
import { chargeOf } from '../payment/charge-of.js';
import { ProviderRefused, type PaymentProvider } from '../payment/payment-provider.js';
import type { Step, StepOutcome } from './step.js';

/** The provider answered, but not whether the money moved: worth a retry under the same key. */
export class OutcomeUnknown extends Error {
  constructor() {
    super('The provider did not say whether the charge was made');
    this.name = 'OutcomeUnknown';
  }
}

/** Providers forget idempotency keys after a day: an attempt this old is settled, never sent again. */
const SEND_NO_LONGER_MS = 23 * 3600 * 1000;

/** Charges the current attempt. Its row was committed before; the key makes every repetition the same charge. */
export class PaymentStep implements Step {
  readonly name = 'payment';

  constructor(
    private readonly ledger: Ledger,
    private readonly provider: PaymentProvider,
    private readonly teller: MoveTeller,
    private readonly actor: Actor,
  ) {}

  async run({ booking }: Fulfilment, signal: AbortSignal): Promise<StepOutcome> {
    const attempt = await this.ledger.sendAttempt(booking.id, booking.fence);
    if (attempt === null) return { kind: 'over' };
    const charge = chargeOf(attempt);
    const outcome =
      attempt.ageMs < SEND_NO_LONGER_MS
        ? await this.charge(charge, signal)
        : await this.provider.settle(charge, signal);
    const recorded = await this.ledger.recordCharge(booking.id, attempt.fence, outcome, this.actor);
    if (recorded === null) return { kind: 'over' };
    // What another delivery recorded before is told by it, and may be further on by now.
    if (recorded.moved) this.teller.tell(recorded);
    const [now] = recorded.bookings;
    return now !== undefined && now.state === 'paid' && now.fence === attempt.fence
      ? { kind: 'succeeded', booking: now }
      : { kind: 'moved' };
  }

  private async charge(
    charge: Parameters<PaymentProvider['charge']>[0],
    signal: AbortSignal,
  ): Promise<ChargeOutcome> {
    try {
      const outcome = await this.provider.charge(charge, signal);
      if (outcome.kind === 'unknown') throw new OutcomeUnknown();
      return outcome;
    } catch (error) {
      if (error instanceof ProviderRefused) throw new PermanentFailure('PROVIDER_REFUSED', { cause: error });
      throw error;
    }
  }
}
