import type { Actor } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { Mailer } from './mail/mailer.js';
import type { PaymentProvider } from './payment/payment-provider.js';

const BOOKINGS_AT_ONCE = 500;
/** In one transaction: a fraction of a second. */
const ERASED_AT_ONCE = 200;
/** A mail that is under way when its booking is erased has arrived, or failed, by then. */
const QUIET_MS = 30_000;

/** Keeps nobody's data longer than it may be kept. */
export class DataKeeper {
  constructor(
    private readonly ledger: Pick<
      Ledger,
      | 'overStays'
      | 'overLine'
      | 'walkLine'
      | 'eraseBookings'
      | 'putOffErasure'
      | 'erasedElsewhere'
      | 'forgotten'
    >,
    private readonly mailer: Pick<Mailer, 'forget'>,
    private readonly provider: Pick<PaymentProvider, 'forget'>,
    private readonly actor: Actor,
    /** Null: for good. */
    private readonly retentionDays: number | null,
    /** Told of what could not be erased. */
    private readonly failed: (error: unknown) => void,
    private readonly atOnce = ERASED_AT_ONCE,
    private readonly quietMs = QUIET_MS,
  ) {}

  /**
   * Erases bookings that have been over for that long; how many. One that cannot be erased is told, tried again a day
   * later, and keeps no other one waiting.
   */
  async eraseOver(signal: AbortSignal): Promise<number> {
    if (this.retentionDays === null) return 0;
    let erased = 0;
    const days = this.retentionDays;
    for (const walk of [() => this.eraseStays(days, signal), () => this.eraseLines(days, signal)]) {
      try {
        erased += await walk();
      } catch (error) {
        signal.throwIfAborted();
        this.failed(error);
      }
    }
    return erased;
  }

  private async eraseStays(ageDays: number, signal: AbortSignal): Promise<number> {
    for (let total = 0; ;) {
      const ids = await this.ledger.overStays(ageDays, this.atOnce);
      const { erased, putOff } = await this.erase(ids, signal);
      total += erased;
      if (erased + putOff === 0) return total;
    }
  }

  private async eraseLines(ageDays: number, signal: AbortSignal): Promise<number> {
    for (let total = 0; ;) {
      const part = await this.ledger.overLine(ageDays, this.atOnce);
      if (part === null) return total;
      total += (await this.erase(part.ids, signal)).erased;
      await this.ledger.walkLine(part);
    }
  }

  /** Those that can be erased; one by one where they cannot be together. */
  private async erase(
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<{ erased: number; putOff: number }> {
    let erased = 0;
    let putOff = 0;
    try {
      for (let more = ids.length > 0; more;) {
        signal.throwIfAborted();
        const part = await this.ledger.eraseBookings(ids, this.actor);
        erased += part.erased;
        ({ more } = part);
      }
    } catch (error) {
      signal.throwIfAborted();
      const [id] = ids;
      if (id !== undefined && ids.length === 1) {
        await this.ledger.putOffErasure(id);
        this.failed(new Error(`Booking ${id} could not be erased; next try in a day`, { cause: error }));
        return { erased, putOff: 1 };
      }
      for (const one of ids) {
        const alone = await this.erase([one], signal);
        erased += alone.erased;
        putOff += alone.putOff;
      }
    }
    return { erased, putOff };
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
