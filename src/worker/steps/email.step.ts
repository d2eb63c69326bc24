import { PROGRESS, type Actor } from '../../booking/booking.js';
import type { Ledger } from '../../booking/ledger/ledger.js';
import type { Fulfilment } from '../../booking/ledger/types.js';
import { bookedOf } from '../booked.js';
import { messageId } from '../mail/compose.js';
import { MailRefused, type Mailer } from '../mail/mailer.js';
import { confirmed } from '../mail/templates.js';
import type { BookingPages } from '../booking-pages.js';
import type { Step, StepOutcome } from './step.js';

/**
 * Sends the tickets or the voucher. A mail may be sent twice, with the same Message-ID, where a worker dies between sending and
 * recording. An address that is refused for good does not keep the customer from what is on the booking's page.
 */
export class EmailStep implements Step {
  readonly name = 'email';

  constructor(
    private readonly ledger: Ledger,
    private readonly mailer: Mailer,
    private readonly pages: BookingPages,
    private readonly actor: Actor,
  ) {}

  async run(fulfilment: Fulfilment, signal: AbortSignal): Promise<StepOutcome> {
    const { booking } = fulfilment;
    const detail =
      booking.email === null ? { sent: false } : await this.send(fulfilment, booking.email, signal);
    const recorded = await this.ledger.recordStep(booking.id, this.name, PROGRESS.email, detail, this.actor);
    return recorded === null ? { kind: 'over' } : { kind: 'succeeded', booking: recorded };
  }

  private async send(
    fulfilment: Fulfilment,
    to: string,
    signal: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const { booking, offer } = fulfilment;
    const pdf = await this.ledger.documentOf(booking.id);
    if (pdf === null) throw new Error('The booking has no document to send');
    const facts = {
      booked: bookedOf(offer, booking.stay),
      bookingId: booking.id,
      quantity: booking.quantity,
      link: this.pages.of(booking.id),
    };
    try {
      await this.mailer.send(
        {
          to,
          ...confirmed({ ...facts, price: booking.price }),
          messageId: messageId('ticket', booking.id, booking.fence, this.pages.publicUrl),
          correlationId: booking.correlationId,
          attachments: [attachment(fulfilment, pdf)],
        },
        signal,
      );
      return { sent: true };
    } catch (error) {
      if (error instanceof MailRefused) return { sent: false, refused: error.reason };
      throw error;
    }
  }
}

const FILE_NAMES = { ticket: 'ticket', room: 'voucher' } as const;

const attachment = ({ booking, offer }: Fulfilment, content: Buffer) => ({
  filename: `${FILE_NAMES[offer.kind]}-${booking.id}.pdf`,
  contentType: 'application/pdf',
  content,
});
