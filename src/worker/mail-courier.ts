import type { DueMail } from '../booking/ledger/sweep.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import { MailRefused, type Mailer } from './mail/mailer.js';
import { messageId } from './mail/compose.js';
import { holdExpired, soldOut, yourTurn, type MailContent } from './mail/templates.js';
import type { BookingPages } from './booking-pages.js';

const MAILS_AT_ONCE = 20;
/** About a day of tries, as they are spaced by the ledger. */
const MAX_TRIES = 100;
const KINDS = { your_turn: 'your-turn', expired: 'hold-expired', sold_out: 'sold-out' } as const;

/** Sends the mails at turns of events: it is your turn, your time is over, sold out. */
export class MailCourier {
  constructor(
    private readonly ledger: Ledger,
    private readonly mailer: Mailer,
    private readonly pages: BookingPages,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Sends what is due; true where there may be more. */
  async deliver(signal: AbortSignal): Promise<boolean> {
    const due = await this.ledger.dueMails(MAILS_AT_ONCE);
    await Promise.all(due.map((mail) => this.send(mail, signal)));
    return due.length === MAILS_AT_ONCE;
  }

  private async send(mail: DueMail, signal: AbortSignal): Promise<void> {
    const content = mail.to === null ? null : this.contentOf(mail);
    try {
      if (mail.to !== null && content !== null) {
        const id = messageId(KINDS[mail.kind], mail.bookingId, mail.fence, this.pages.publicUrl);
        await this.mailer.send({ to: mail.to, ...content, messageId: id, attachments: [] }, signal);
      }
      await this.ledger.mailDone(mail, content === null ? 'refused' : 'sent');
    } catch (error) {
      if (error instanceof MailRefused || mail.tries >= MAX_TRIES)
        await this.ledger.mailDone(mail, 'refused');
      else this.failed(error);
    }
  }

  /** Null where the news is old: nobody wants to be told to pay for a hold that is over. */
  private contentOf(mail: DueMail): MailContent | null {
    const facts = {
      event: mail.offer,
      bookingId: mail.bookingId,
      quantity: mail.quantity,
      link: this.pages.of(mail.bookingId),
    };
    switch (mail.kind) {
      case 'your_turn':
        return mail.state === 'held' && mail.currentFence === mail.fence && mail.deadline !== null
          ? yourTurn({ ...facts, deadline: mail.deadline, price: mail.price })
          : null;
      case 'expired':
        return holdExpired(facts);
      case 'sold_out':
        return soldOut(facts);
    }
  }
}
