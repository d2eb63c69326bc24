import type { Told } from './told.js';

/** Units of one offer: of a room offer for the nights from `checkIn` to the day before `checkOut`. */
export interface Asked {
  /** `fairline.v1.Units`. */
  readonly units: object;
  /** How many we have of them. */
  readonly ours: number;
}

/**
 * Whoever keeps the stock of what is sold. Also its own injection token: the ledger where nobody else is configured, and
 * beside it a remote service, which is asked and told. Whatever that one says, the ledger decides.
 */
export abstract class TicketService {
  /** Null where nobody needs to be told: who decides knows. */
  abstract readonly told: Told | null;
  /**
   * How many of these units it has.
   * @throws RemoteError
   */
  abstract unitsAvailable(asked: Asked, signal: AbortSignal): Promise<number>;
}

/** The ledger alone. */
export class LedgerTicketService extends TicketService {
  override readonly told = null;

  override unitsAvailable({ ours }: Asked): Promise<number> {
    return Promise.resolve(ours);
  }
}
