import { formatDate, formatMoney, formatTime, formatTimeToTheSecond } from '../../common/format.js';
import type { Money } from '../../booking/booking.js';

/** What a mail says: pure text, ready to be sent. */
export interface MailContent {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** What every mail is about. */
export interface MailFacts {
  readonly event: {
    readonly title: string;
    readonly venue: string;
    readonly ticketType: string;
    /** ISO 8601. */
    readonly startsAt: string;
    /** IANA. Every time in a mail is in it. */
    readonly timeZone: string;
  };
  readonly bookingId: string;
  readonly quantity: number;
  /** Where the customer sees the booking. */
  readonly link: string;
}

/** It is the customer's turn: pay before `deadline` (ISO 8601). `price` is that of the whole booking. */
export function yourTurn(
  facts: MailFacts & { readonly deadline: string; readonly price: Money },
): MailContent {
  const until = `${formatTimeToTheSecond(facts.deadline, facts.event.timeZone)} on ${formatDate(facts.deadline, facts.event.timeZone)}`;
  return page(facts, {
    subject: `Your turn: ${facts.event.title}`,
    heading: 'It is your turn',
    lines: [
      `${tickets(facts)} set aside for you.`,
      `Please pay ${formatMoney(facts.price)} before ${until}. After that it is the turn of the next in line.`,
    ],
    action: 'Pay now',
  });
}

/** The time to pay has passed. */
export function holdExpired(facts: MailFacts): MailContent {
  return page(facts, {
    subject: `Your time to pay is over: ${facts.event.title}`,
    heading: 'Your time to pay is over',
    lines: [
      'No payment reached us in time, so it is now the turn of the next in line. You have not been charged.',
      'While tickets last you are welcome to join the line again.',
    ],
    action: 'See your booking',
  });
}

/** The customer waited in vain. */
export function soldOut(facts: MailFacts): MailContent {
  return page(facts, {
    subject: `Sold out: ${facts.event.title}`,
    heading: 'Sold out',
    lines: [
      'We are sorry: every ticket was sold before your turn came. Nobody was let in ahead of you.',
      'You have not been charged, and there is nothing left for you to do.',
    ],
    action: 'See your booking',
  });
}

/** The tickets, which are attached as a PDF. `price` is that of the whole booking. */
export function ticket(facts: MailFacts & { readonly price: Money }): MailContent {
  return page(facts, {
    subject: `Your ${facts.quantity === 1 ? 'ticket' : 'tickets'}: ${facts.event.title}`,
    heading: 'You are in',
    lines: [
      `${tickets(facts)} yours, paid with ${formatMoney(facts.price)}.`,
      'The PDF is attached. Show the code at the entrance, on paper or on your telephone. Each code opens once: keep it to yourself.',
    ],
    action: 'See your booking',
  });
}

interface Page {
  readonly subject: string;
  readonly heading: string;
  readonly lines: readonly string[];
  readonly action: string;
}

const tickets = ({ quantity, event }: MailFacts): string =>
  quantity === 1 ? `1 ticket (${event.ticketType}) is` : `${quantity} tickets (${event.ticketType}) are`;

function page(facts: MailFacts, { subject, heading, lines, action }: Page): MailContent {
  const { event, bookingId, link } = facts;
  const when = `${formatDate(event.startsAt, event.timeZone)}, ${formatTime(event.startsAt, event.timeZone)}`;
  const text = [
    heading,
    `${event.title}\n${when}\n${event.venue}`,
    ...lines,
    `${action}: ${link}`,
    `Booking ${bookingId}`,
  ].join('\n\n');
  return { subject, text: `${text}\n`, html: htmlPage(facts, { subject, heading, lines, action }, when) };
}

/** Styles are inline and the layout a single column: mail programs honour little else. */
function htmlPage(
  { event, bookingId, link }: MailFacts,
  { subject, heading, lines, action }: Page,
  when: string,
): string {
  const paragraphs = lines.map((line) => `<p style="margin:0 0 16px">${escapeHtml(line)}</p>`).join('\n');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:24px 12px;background:#f1f2f7;font:16px/1.5 Helvetica,Arial,sans-serif;color:#14182f">
<div style="max-width:560px;margin:0 auto;background:#fff;border-radius:12px;overflow:hidden">
<div style="background:#14182f;border-bottom:4px solid #ff7a45;padding:24px 28px;color:#fff">
<p style="margin:0 0 6px;color:#ff7a45;font-weight:bold">${escapeHtml(heading)}</p>
<h1 style="margin:0 0 10px;font-size:24px;line-height:1.25">${escapeHtml(event.title)}</h1>
<p style="margin:0;color:#c3c8e0">${escapeHtml(when)}<br>${escapeHtml(event.venue)}</p>
</div>
<div style="padding:24px 28px">
${paragraphs}
<p style="margin:24px 0"><a href="${escapeHtml(link)}" style="display:inline-block;background:#ff7a45;color:#14182f;padding:12px 22px;border-radius:8px;font-weight:bold;text-decoration:none">${escapeHtml(action)}</a></p>
<p style="margin:0;font-size:13px;color:#6a7089">Booking ${escapeHtml(bookingId)}</p>
</div>
</div>
</body>
</html>
`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
