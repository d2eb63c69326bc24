import { setTimeout as sleep } from 'node:timers/promises';
import type { DoneMail, DueMail } from '../booking/ledger/sweep.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import { bookedOf } from './booked.js';
import { MailRefused, type Mailer } from './mail/mailer.js';
import { messageId } from './mail/compose.js';
import type { MailContent } from './mail/page.js';
import { holdExpired, refunded, soldOut, yourTurn } from './mail/templates.js';
import type { BookingPages } from './booking-pages.js';
import type { Failed } from './failed.js';

const MAILS_AT_ONCE = 20;
/** About a day of tries, as they are spaced by the ledger. */
const MAX_TRIES = 100;
const KINDS = {
  your_turn: 'your-turn',
  expired: 'hold-expired',
  sold_out: 'sold-out',
  refunded: 'refunded',
} as const;

/** A mail can wait a moment, customers at the door cannot: so long between mails while this process is this busy. */
const GIVE_WAY_MS = 100;
const BUSY = 0.9;

/** How busy this process was since the last call, from 0 to 1. */
function sinceLast(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

/** Sends the mails at turns of events: it is your turn, your time is over, sold out, refunded. */
export class MailCourier {
  constructor(
    private readonly ledger: Pick<Ledger, 'dueMails' | 'mailsDone'>,
    private readonly mailer: Mailer,
    private readonly pages: BookingPages,
    private readonly failed: Failed,
    private readonly utilization: () => number = sinceLast(),
  ) {}

  /** Sends what is due; true where there may be more. */
  async deliver(signal: AbortSignal): Promise<boolean> {
    if (this.utilization() > BUSY) await sleep(GIVE_WAY_MS, undefined, { signal });
    const due = await this.ledger.dueMails(MAILS_AT_ONCE);
    const ends = await Promise.all(due.map((mail) => this.send(mail, signal)));
    const done = ends.filter((end) => end !== null);
    if (done.length > 0) await this.ledger.mailsDone(done);
    return due.length === MAILS_AT_ONCE;
  }

  /** Null where it is to be tried again. */
  private async send(mail: DueMail, signal: AbortSignal): Promise<DoneMail | null> {
    const end = (state: DoneMail['state']): DoneMail => ({
      bookingId: mail.bookingId,
      kind: mail.kind,
      fence: mail.fence,
      state,
    });
    const content = mail.to === null ? null : this.contentOf(mail);
    if (mail.to === null || content === null) return end('refused');
    try {
      const id = messageId(KINDS[mail.kind], mail.bookingId, mail.fence, this.pages.publicUrl);
      const { to, correlationId } = mail;
      await this.mailer.send({ to, ...content, messageId: id, correlationId, attachments: [] }, signal);
      return end('sent');
    } catch (error) {
      if (error instanceof MailRefused || mail.tries >= MAX_TRIES) return end('refused');
      this.failed(error, { correlationId: mail.correlationId, bookingId: mail.bookingId });
      return null;
    }
  }

  /** Null where the news is old: nobody wants to be told to pay for a hold that is over. */
  private contentOf(mail: DueMail): MailContent | null {
    const facts = {
      booked: bookedOf(mail.offer, mail.stay),
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
      case 'refunded':
        return refunded({ ...facts, price: mail.price });
    }
  }
}
