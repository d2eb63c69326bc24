import type { SendMailOptions } from 'nodemailer';
import { isSane } from '../../common/correlation.js';
import { MailRefused, type MailMessage } from './mailer.js';

/** RFC 5321's limits. What it allows beyond this pattern (quoted local parts, say) no mail provider hands out. */
const ADDRESS = /^[^\s@<>()[\]\\,;:"\p{Cc}]{1,64}@[^\s@<>()[\]\\,;:"\p{Cc}]{1,255}$/u;
const MESSAGE_ID = /^<[A-Za-z0-9._-]+@[A-Za-z0-9.:[\]-]+>$/;

/** Kinds of mail; part of the Message-ID. */
export type MailKind = 'your-turn' | 'hold-expired' | 'sold-out' | 'refunded' | 'ticket';

/**
 * The Message-ID of a booking's mail: the same on every repetition, so that a mailbox can tell one.
 * `fence` tells the second of two turns of one booking from the first.
 */
export function messageId(kind: MailKind, bookingId: string, fence: number, publicUrl: string): string {
  return `<${kind}.${bookingId}.${fence}@${new URL(publicUrl).hostname}>`;
}

/**
 * What nodemailer is given. Addresses go in as objects, which it does not parse: a comma makes no second
 * recipient. Nothing here names a file or an address to be read.
 */
export function compose(message: MailMessage, from: string): SendMailOptions {
  if (!ADDRESS.test(message.to)) throw new MailRefused('INVALID_ADDRESS');
  if (!MESSAGE_ID.test(message.messageId)) throw new TypeError('Not a Message-ID');
  return {
    from,
    to: { name: '', address: message.to },
    subject: oneLine(message.subject),
    text: message.text,
    html: message.html,
    messageId: message.messageId,
    // Automatic mail: no out-of-office answers, please (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated', ...correlation(message.correlationId) },
    attachments: message.attachments.map(({ filename, contentType, content }) => ({
      filename: oneLine(filename),
      contentType,
      content,
      contentDisposition: 'attachment' as const,
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** What came from elsewhere and could bend a header is left out. */
const correlation = (id: string): Record<string, string> => (isSane(id) ? { 'X-Correlation-Id': id } : {});

const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
