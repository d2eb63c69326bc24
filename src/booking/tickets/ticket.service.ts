import { AppError } from '../../common/errors.js';
import type { Actor } from '../booking.js';
import { digest } from '../digest.js';
import type { Ledger } from '../ledger/ledger.js';
import type { TicketStatus } from '../ledger/types.js';
import { parseTicketCode } from './ticket-code.js';

/** What a scanner is told: nothing about who booked. */
export type TicketAtTheDoor = Shown<TicketStatus>;
/** Of each kind by itself: what a kind alone has stays. */
type Shown<Status> = Status extends unknown ? Omit<Status, 'bookingId'> : never;

const ROUTE = 'POST /api/tickets/redeem';

/** Tickets by their codes. A forged code is refused by its signature, before the ledger is asked. */
export class TicketService {
  constructor(
    private readonly ledger: Ledger,
    private readonly secret: Uint8Array,
  ) {}

  /** @throws AppError TICKET_NOT_FOUND */
  async read(code: string): Promise<TicketAtTheDoor> {
    return atTheDoor(await this.ledger.ticket(this.idOf(code)));
  }

  /** @throws AppError TICKET_NOT_FOUND, TICKET_ALREADY_REDEEMED, TICKET_REVOKED, IDEMPOTENCY_KEY_REUSED */
  async redeem(code: string, idempotencyKey: string | null, actor: Actor): Promise<TicketAtTheDoor> {
    const ticketId = this.idOf(code);
    const key =
      idempotencyKey === null
        ? null
        : {
            customerId: `operator:${actor.id}`,
            route: ROUTE,
            key: idempotencyKey,
            bodyHash: digest([ticketId]),
          };
    return atTheDoor(await this.ledger.redeem(ticketId, key, actor));
  }

  private idOf(code: string): string {
    const ticketId = parseTicketCode(this.secret, code);
    if (ticketId === null) throw new AppError('TICKET_NOT_FOUND');
    return ticketId;
  }
}

function atTheDoor(status: TicketStatus | null): TicketAtTheDoor {
  if (status === null) throw new AppError('TICKET_NOT_FOUND');
  const { bookingId: _, ...shown } = status;
  return shown;
}
