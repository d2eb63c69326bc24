import { formatDate, formatMoney, formatTimeToTheSecond } from '../../common/format.js';
import type { Money } from '../../booking/booking.js';
import type { Booked } from '../booked.js';
import { composePage, type MailContent, type Page } from './page.js';
import { wordingOf } from './wording.js';

/** What every mail is about. */
export interface MailFacts {
  /** Every time in a mail is in its time zone. */
  readonly booked: Booked;
  readonly bookingId: string;
  readonly quantity: number;
  /** Where the customer sees the booking. */
  readonly link: string;
}

/** It is the customer's turn: pay before `deadline` (ISO 8601). `price` is that of the whole booking. */
export function yourTurn(
  facts: MailFacts & { readonly deadline: string; readonly price: Money },
): MailContent {
  const { title, timeZone } = facts.booked;
  const { unitsAre, howLong } = wordingOf(facts.booked, facts.quantity);
  const until = `${formatTimeToTheSecond(facts.deadline, timeZone)} on ${formatDate(facts.deadline, timeZone)}`;
  return compose(facts, {
    subject: `Your turn: ${title}`,
    heading: 'It is your turn',
    paragraphs: [
      `${unitsAre} set aside for you${howLong}.`,
      `Please pay ${formatMoney(facts.price)} before ${until}. After that it is the turn of the next in line.`,
    ],
    action: 'Pay now',
  });
}

/** The time to pay has passed. */
export function holdExpired(facts: MailFacts): MailContent {
  const { units } = wordingOf(facts.booked, facts.quantity);
  return compose(facts, {
    subject: `Your time to pay is over: ${facts.booked.title}`,
    heading: 'Your time to pay is over',
    paragraphs: [
      'No payment reached us in time, so it is now the turn of the next in line. You have not been charged.',
      `While ${units} last you are welcome to join the line again.`,
    ],
    action: 'See your booking',
  });
}

/** The customer waited in vain. */
export function soldOut(facts: MailFacts): MailContent {
  const wording = wordingOf(facts.booked, facts.quantity);
  return compose(facts, {
    subject: `Sold out: ${facts.booked.title}`,
    heading: 'Sold out',
    paragraphs: [
      `We are sorry: ${wording.soldOut}`,
      'You have not been charged, and there is nothing left for you to do.',
    ],
    action: 'See your booking',
  });
}

/** The money goes back, whoever wanted that. `price` is that of the whole booking. */
export function refunded(facts: MailFacts & { readonly price: Money }): MailContent {
  const { paper } = wordingOf(facts.booked, facts.quantity);
  const theyAre = facts.quantity === 1 ? 'it is' : 'they are';
  return compose(facts, {
    subject: `Your booking is refunded: ${facts.booked.title}`,
    heading: 'Your booking is refunded',
    paragraphs: [
      `We give you back the whole price, ${formatMoney(facts.price)}, to where it was paid from. Banks take a few days for that.`,
      `If you have your ${paper} already: ${theyAre} no longer valid.`,
    ],
    action: 'See your booking',
  });
}

/** The tickets or the voucher, which are attached as a PDF. `price` is that of the whole booking. */
export function confirmed(facts: MailFacts & { readonly price: Money }): MailContent {
  const wording = wordingOf(facts.booked, facts.quantity);
  return compose(facts, {
    subject: `Your ${wording.paper}: ${facts.booked.title}`,
    heading: wording.confirmed,
    paragraphs: [
      `${wording.unitsAre} yours${wording.howLong}, paid with ${formatMoney(facts.price)}.`,
      wording.howToUse,
    ],
    action: 'See your booking',
  });
}

const compose = (
  { booked, quantity, bookingId, link }: MailFacts,
  page: Pick<Page, 'subject' | 'heading' | 'paragraphs' | 'action'>,
): MailContent =>
  composePage({ ...page, title: booked.title, facts: wordingOf(booked, quantity).facts, bookingId, link });
