import type { Fulfilment } from '../../booking/ledger/types.js';
import type { Ledger } from '../../booking/ledger/ledger.js';
import { PROGRESS, type Actor } from '../../booking/booking.js';
import { bookedOf } from '../booked.js';
import { chargeOf } from '../payment/charge-of.js';
import type { PaymentProvider } from '../payment/payment-provider.js';
import type { MoveTeller } from '../move-teller.js';
import type { Step, StepOutcome } from './step.js';

/** Before any money moves: is this still a booking that can be honoured? */
export class ValidateStep implements Step {
  readonly name = 'validate';

  constructor(
    private readonly ledger: Pick<Ledger, 'recordStep' | 'reject' | 'recordCharge'>,
    private readonly provider: Pick<PaymentProvider, 'settle'>,
    private readonly teller: Pick<MoveTeller, 'tell'>,
    private readonly actor: Actor,
  ) {}

  async run(fulfilment: Fulfilment, signal: AbortSignal): Promise<StepOutcome> {
    const { booking } = fulfilment;
    const reason = invalid(fulfilment);
    if (reason === null) {
      const recorded = await this.ledger.recordStep(
        booking.id,
        this.name,
        PROGRESS.validate,
        null,
        this.actor,
      );
      return recorded === null ? { kind: 'over' } : { kind: 'succeeded', booking: recorded };
    }
    const { attempt } = fulfilment;
    if (attempt === null) return { kind: 'over' };
    // The provider must refuse a late arrival before the units go to somebody else.
    const settled = await this.provider.settle(chargeOf(attempt), signal);
    if (settled.kind === 'voided') {
      const rejected = await this.ledger.reject(booking.id, attempt.fence, reason, this.actor);
      if (rejected !== null) this.teller.tell(rejected);
    } else {
      const recorded = await this.ledger.recordCharge(booking.id, attempt.fence, settled, this.actor);
      if (recorded?.moved === true) this.teller.tell(recorded);
    }
    return { kind: 'moved' };
  }
}

function invalid({ booking, attempt, offer }: Fulfilment): string | null {
  if (attempt === null) return null;
  const begun = (begins: string): boolean => Date.parse(begins) <= Date.parse(attempt.startedAt);
  const booked = bookedOf(offer, booking.stay);
  switch (booked.kind) {
    case 'ticket':
      if (begun(booked.startsAt)) return 'EVENT_HAS_BEGUN';
      break;
    case 'room':
      if (begun(booked.begins)) return 'STAY_HAS_BEGUN';
      break;
  }
  const same =
    attempt.amount.amountMinor === booking.price.amountMinor &&
    attempt.amount.currency === booking.price.currency;
  return same ? null : 'PRICE_MISMATCH';
}
