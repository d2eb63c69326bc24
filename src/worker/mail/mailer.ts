export interface MailAttachment {
  readonly filename: string;
  readonly contentType: string;
  readonly content: Buffer;
}

export interface MailMessage {
  /** One address, without a name. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** With its angle brackets, as `messageId()` makes it: the same for every repetition of this message. */
  readonly messageId: string;
  readonly attachments: readonly MailAttachment[];
  /** Of the request that began the booking: a header tells it, so that a mail is found in the logs. */
  readonly correlationId: string;
}

/** The mail could not be handed over now: repeat it. Says nothing about the recipient. */
export class MailUnavailable extends Error {
  constructor(
    /** Such as `ECONNECTION` or `SMTP 451`; no personal data. */
    readonly reason: string,
  ) {
    super(`The mail could not be sent: ${reason}`);
    this.name = 'MailUnavailable';
  }
}

/** The recipient or the message was refused for good: no repetition helps. */
export class MailRefused extends Error {
  constructor(
    /** Such as `INVALID_ADDRESS` or `SMTP 550`; no personal data. */
    readonly reason: string,
  ) {
    super(`The mail was refused: ${reason}`);
    this.name = 'MailRefused';
  }
}

/**
 * The port to whatever carries mail, and its injection token.
 *
 * Delivery is at least once: a repetition after a lost answer may send a message again, with the same
 * Message-ID. No field can add a header or a recipient.
 */
export abstract class Mailer {
  /**
   * Resolves once the carrier has taken the message over.
   * @throws MailUnavailable to be tried again; MailRefused where that is of no use; the signal's reason once it
   * is aborted; TypeError for a malformed Message-ID.
   */
  abstract send(message: MailMessage, signal?: AbortSignal): Promise<void>;

  /** Removes what the carrier itself keeps of mails about these bookings. What was handed over is gone. */
  abstract forget(bookingIds: ReadonlySet<string>): Promise<void>;

  /** Lets running deliveries finish for a few seconds, then disconnects. Idempotent. */
  abstract close(): Promise<void>;
}
