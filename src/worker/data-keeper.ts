import type { Actor } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { Mailer } from './mail/mailer.js';
import type { PaymentProvider } from './payment/payment-provider.js';

const BOOKINGS_AT_ONCE = 500;
/** A mail that is under way when its booking is erased has arrived, or failed, by then. */
const QUIET_MS = 30_000;

/** Keeps nobody's data longer than it may be kept. */
export class DataKeeper {
  constructor(
    private readonly ledger: Pick<Ledger, 'eraseOver' | 'erasedElsewhere' | 'forgotten'>,
    private readonly mailer: Pick<Mailer, 'forget'>,
    private readonly provider: Pick<PaymentProvider, 'forget'>,
    private readonly actor: Actor,
    /** Null: for good. */
    private readonly retentionDays: number | null,
    private readonly quietMs = QUIET_MS,
  ) {}

  /** Erases bookings that have been over for that long, some hundred at a time. */
  async eraseOver(signal: AbortSignal): Promise<void> {
    if (this.retentionDays === null) return;
    while ((await this.ledger.eraseOver(this.retentionDays, this.actor)).more) signal.throwIfAborted();
  }

  /** What was erased in the ledger goes from the outbox and the bank's books, where those are ours. */
  async forgetElsewhere(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const erased = await this.ledger.erasedElsewhere(this.quietMs, BOOKINGS_AT_ONCE);
      if (erased.length === 0) return;
      const bookingIds = erased.map(({ bookingId }) => bookingId);
      await this.mailer.forget(new Set(bookingIds));
      await this.provider.forget(erased.flatMap(({ chargeKeys }) => chargeKeys));
      await this.ledger.forgotten(bookingIds);
    }
  }
}
