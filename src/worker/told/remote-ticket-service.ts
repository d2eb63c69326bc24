import type { Telling, TellingKind } from '../../booking/ledger/tellings.js';
import { RemoteError, type Caller, type RemoteState } from '../../remote/remotes.js';
import { TicketService, type Asked } from './ticket-service.js';
import type { Reception, Told } from './told.js';
import { unitsOfTelling } from './units.js';

const METHODS: Readonly<Record<TellingKind, string>> = {
  reserve: 'Reserve',
  confirm: 'Confirm',
  release: 'Release',
};
/** Somebody who waits in a line of the other system comes before this booking. */
const NOT_YET = 'OTHERS_FIRST';
/** What the reservation may be after it. A reservation may have gone on since: it was told before. */
const GOOD: Readonly<Record<TellingKind, ReadonlySet<unknown>>> = {
  reserve: new Set([
    'RESERVATION_STATE_RESERVED',
    'RESERVATION_STATE_CONFIRMED',
    'RESERVATION_STATE_RELEASED',
  ]),
  confirm: new Set(['RESERVATION_STATE_CONFIRMED']),
  release: new Set(['RESERVATION_STATE_RELEASED']),
};

/** A ticket service elsewhere, by `fairline.v1.TicketService`. The booking and its fence are the key of each call. */
export class RemoteTicketService extends TicketService implements Told {
  override readonly told: Told = this;

  constructor(
    private readonly caller: Caller,
    readonly patienceMs: number,
  ) {
    super();
  }

  get state(): RemoteState {
    return this.caller.state;
  }

  override async unitsAvailable({ units }: Asked, signal: AbortSignal): Promise<number> {
    const answer = await this.caller.call('CheckAvailability', { units }, { signal });
    const said = 'unitsAvailable' in answer ? Number(answer.unitsAvailable) : NaN;
    if (!Number.isSafeInteger(said))
      throw new TypeError('The ticket service did not say how many units it has');
    return said;
  }

  async tell(telling: Telling, signal: AbortSignal): Promise<Reception> {
    const { bookingId, kind, fence, correlationId } = telling;
    const request = { bookingId, fence, units: unitsOfTelling(telling) };
    let answer: object;
    try {
      answer = await this.caller.call(METHODS[kind], request, { signal, correlationId });
    } catch (error) {
      if (!(error instanceof RemoteError) || error.code !== NOT_YET) throw error;
      return { kind: 'not-yet', reason: NOT_YET };
    }
    const state = stateOf(answer);
    return GOOD[kind].has(state)
      ? { kind: 'told' }
      : { kind: 'refused', reason: `ANSWERED_${String(state)}` };
  }
}

function stateOf(answer: object): unknown {
  const reservation: unknown = 'reservation' in answer ? answer.reservation : null;
  return typeof reservation === 'object' && reservation !== null && 'state' in reservation
    ? reservation.state
    : null;
}
