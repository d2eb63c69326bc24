import type { Actor } from '../../booking/booking.js';
import type { Ledger } from '../../booking/ledger/ledger.js';
import type { Fulfilment, Ticket } from '../../booking/ledger/types.js';
import { makeTicketCode } from '../../booking/tickets/ticket-code.js';
import type { Ids } from '../../common/ids.js';
import { bookedOf, type Booked } from '../booked.js';
import type { DocumentRenderer, Slip } from '../document/document-renderer.js';
import type { Step, StepOutcome } from './step.js';

/** Makes the tickets, or a hotel's vouchers, and prints them; codes, document and checkpoint are committed together. */
export class PdfStep implements Step {
  readonly name = 'pdf';

  constructor(
    private readonly ledger: Ledger,
    private readonly renderer: DocumentRenderer,
    private readonly ids: Ids,
    private readonly secret: Uint8Array,
    private readonly actor: Actor,
  ) {}

  async run({ booking, offer, attempt }: Fulfilment): Promise<StepOutcome> {
    const tickets = Array.from({ length: booking.quantity }, (_, index): Ticket => {
      const ticketId = this.ids.next();
      return { ticketId, code: makeTicketCode(this.secret, ticketId), number: index + 1 };
    });
    const pdf = await this.print(bookedOf(offer, booking.stay), {
      bookingId: booking.id,
      codes: tickets.map((ticket) => ticket.code),
      holder: booking.customerId,
      price: { ...booking.price, amountMinor: booking.price.amountMinor / booking.quantity },
      issuedAt: attempt?.startedAt ?? booking.acceptedAt,
    });
    const recorded = await this.ledger.recordDocument(booking.id, tickets, pdf, this.actor);
    return recorded === null ? { kind: 'over' } : { kind: 'succeeded', booking: recorded };
  }

  private print(booked: Booked, slip: Slip): Promise<Buffer> {
    switch (booked.kind) {
      case 'ticket':
        return this.renderer.renderTicket({ ...slip, event: booked });
      case 'room':
        return this.renderer.renderVoucher({ ...slip, stay: booked });
    }
  }
}
