import type { Telling } from '../../booking/ledger/tellings.js';
import { RemoteError, type Caller, type CallOptions, type RemoteState } from '../../remote/remotes.js';
import { BookingRegister } from './booking-register.js';
import type { Reception, Told } from './told.js';
import { unitsOfTelling } from './units.js';

/** Keys are kept for a day there: a later repetition could make a second booking. */
const REPEAT_WITHIN_MS = 23 * 3600 * 1000;
/** Why a booking there is not ready to be confirmed, for now. */
const NOT_YET: ReadonlySet<string> = new Set(['NOT_HELD', 'PAYMENT_IN_PROGRESS']);
const TAKEN: ReadonlySet<unknown> = new Set([
  'BOOKING_STATE_PAYING',
  'BOOKING_STATE_PAID',
  'BOOKING_STATE_CONFIRMED',
]);
const CALLS_PER_TELLING = 3;

/**
 * A booking service elsewhere, by `fairline.v1.BookingService`: each confirmed booking is reserved and confirmed there,
 * under keys made of the booking and its fence.
 */
export class RemoteBookingRegister extends BookingRegister implements Told {
  override readonly told: Told = this;
  readonly patienceMs: number;

  constructor(
    private readonly caller: Caller,
    private readonly paymentMethod: string,
    callMs: number,
  ) {
    super();
    this.patienceMs = callMs * CALLS_PER_TELLING;
  }

  get state(): RemoteState {
    return this.caller.state;
  }

  async tell(telling: Telling, signal: AbortSignal): Promise<Reception> {
    if (telling.sentAgoMs !== null && telling.sentAgoMs > REPEAT_WITHIN_MS) {
      return { kind: 'too-late', reason: 'TOO_LATE_TO_REPEAT' };
    }
    if (telling.isErased) return { kind: 'too-late', reason: 'ERASED' };
    const { bookingId, fence, correlationId } = telling;
    const idempotencyKey = `${bookingId}-${fence}`;
    const request = { userId: telling.customerId, units: unitsOfTelling(telling) };
    const options = { signal, correlationId };
    const accepted = acceptanceOf(
      await this.caller.call('ReserveBooking', { request, idempotencyKey }, options),
    );
    const theirs = { ...options, token: accepted.token };
    try {
      return await this.confirm(accepted.bookingId, idempotencyKey, theirs);
    } catch (error) {
      // of this telling something was sent: it is reserved there
      if (!(error instanceof RemoteError) || error.outcome !== 'unsent') throw error;
      return { kind: 'not-yet', reason: error.code ?? error.status };
    }
  }

  private async confirm(bookingId: string, idempotencyKey: string, options: CallOptions): Promise<Reception> {
    try {
      const confirmation = { bookingId, paymentMethod: this.paymentMethod, idempotencyKey };
      await this.caller.call('ConfirmBooking', confirmation, options);
      return { kind: 'told' };
    } catch (error) {
      if (!(error instanceof RemoteError) || error.outcome !== 'refused') throw error;
      if (error.code !== null && NOT_YET.has(error.code)) return { kind: 'not-yet', reason: error.code };
      return this.lookAgain(bookingId, error, options);
    }
  }

  /** What was confirmed before, by a call whose answer was lost, is refused as settled: it has been told. */
  private async lookAgain(bookingId: string, refusal: RemoteError, options: CallOptions): Promise<Reception> {
    const answer = await this.caller.call('GetBooking', { bookingId }, options);
    const booking: unknown = 'booking' in answer ? answer.booking : null;
    const isTaken =
      typeof booking === 'object' && booking !== null && 'state' in booking && TAKEN.has(booking.state);
    return isTaken ? { kind: 'told' } : { kind: 'refused', reason: refusal.code ?? refusal.status };
  }
}

/** @throws TypeError where it names no booking */
function acceptanceOf(answer: object): { readonly bookingId: string; readonly token: string } {
  const acceptance: unknown = 'acceptance' in answer ? answer.acceptance : null;
  if (
    typeof acceptance !== 'object' ||
    acceptance === null ||
    !('bookingId' in acceptance && typeof acceptance.bookingId === 'string') ||
    !('token' in acceptance && typeof acceptance.token === 'string')
  ) {
    throw new TypeError('The booking service accepted a booking without saying which');
  }
  return { bookingId: acceptance.bookingId, token: acceptance.token };
}
