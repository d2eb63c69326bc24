import { holdExpired, soldOut, ticket, yourTurn, type MailFacts } from './templates.js';

const facts: MailFacts = {
  event: {
    title: 'Night of the Long Echo',
    venue: 'Great Hall',
    ticketType: 'Standing',
    startsAt: '2027-06-12T18:00:00.000Z',
    timeZone: 'Europe/Berlin',
  },
  bookingId: '0192f0c1-5b7a-7cde-8f01-23456789abcd',
  quantity: 2,
  link: 'https://tickets.example.org/b/1?token=a&lang=en',
};
const price = { amountMinor: 9000, currency: 'EUR' };
const deadline = '2027-01-02T03:04:05.000Z';
const all = (mail: MailFacts) => [
  yourTurn({ ...mail, price, deadline }),
  holdExpired(mail),
  soldOut(mail),
  ticket({ ...mail, price }),
];

describe('every mail', () => {
  it('names the event, its time in the time zone of the sale, the booking and the link, in both bodies', () => {
    for (const mail of all(facts)) {
      expect(mail.subject).toContain('Night of the Long Echo');
      for (const body of [mail.text, mail.html]) {
        for (const part of [
          'Night of the Long Echo',
          'Great Hall',
          '12 June 2027',
          '20:00',
          facts.bookingId,
        ]) {
          expect(body).toContain(part);
        }
      }
      expect(mail.text).toContain(facts.link);
      expect(mail.html).toContain('href="https://tickets.example.org/b/1?token=a&amp;lang=en"');
    }
  });

  it("shows markup in an organiser's texts as text", () => {
    const title = '<script>alert("1")</script> & \'co\'';
    const event = { ...facts.event, title, venue: title, ticketType: title };
    for (const mail of all({ ...facts, event, link: 'https://x/"><b>' })) {
      expect(mail.html).not.toContain('<script>');
      expect(mail.html).not.toContain('"><b>');
      expect(mail.html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;');
      expect(mail.text).toContain(title);
    }
  });

  it('has a subject of its own', () => {
    expect(new Set(all(facts).map((mail) => mail.subject)).size).toBe(4);
  });
});

describe('the mail of a turn', () => {
  it('says until when, to the second in the time zone of the sale, and how much', () => {
    const { text } = yourTurn({ ...facts, price, deadline });
    expect(text).toContain('04:04:05');
    expect(text).toContain('2 January 2027');
    expect(text).toContain('€90.00');
    expect(text).toContain('2 tickets (Standing) are set aside for you.');
    expect(yourTurn({ ...facts, quantity: 1, price, deadline }).text).toContain(
      '1 ticket (Standing) is set aside',
    );
  });
});
