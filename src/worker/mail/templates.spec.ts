import { confirmed, holdExpired, refunded, soldOut, yourTurn, type MailFacts } from './templates.js';

const tickets: MailFacts = {
  booked: {
    kind: 'ticket',
    id: 'offer-1',
    eventId: 'event-1',
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
const stay = {
  kind: 'room',
  id: 'offer-2',
  hotelId: 'hotel-1',
  title: 'The Golden Anchor',
  venue: 'Shore Road 12',
  roomType: 'double',
  timeZone: 'Pacific/Auckland',
  checkInTime: '15:00',
  checkOutTime: '11:00',
  checkIn: '2027-06-12',
  checkOut: '2027-06-15',
  begins: '2027-06-12T03:00:00.000Z',
} as const;
const rooms: MailFacts = { ...tickets, booked: stay };
const oneNight: MailFacts = { ...tickets, quantity: 1, booked: { ...stay, checkOut: '2027-06-13' } };
const price = { amountMinor: 9000, currency: 'EUR' };
const deadline = '2027-01-02T03:04:05.000Z';
const all = (mail: MailFacts) => [
  yourTurn({ ...mail, price, deadline }),
  holdExpired(mail),
  soldOut(mail),
  confirmed({ ...mail, price }),
  refunded({ ...mail, price }),
];

/** Each of them is in every mail, in both bodies. */
function expectInAll(facts: MailFacts, parts: readonly string[]): void {
  for (const mail of all(facts)) {
    expect(mail.subject).toContain(facts.booked.title);
    for (const body of [mail.text, mail.html]) {
      for (const part of [...parts, facts.booked.title, facts.bookingId]) expect(body).toContain(part);
    }
    expect(mail.text).toContain(facts.link);
    expect(mail.html).toContain('href="https://tickets.example.org/b/1?token=a&amp;lang=en"');
  }
}

describe('every mail', () => {
  it('names the event, its time in the time zone of the sale, the booking and the link, in both bodies', () => {
    expectInAll(tickets, ['Great Hall', '12 June 2027', '20:00']);
  });

  it('names the hotel, the days of the stay as the hotel has them, its times and its nights', () => {
    expectInAll(rooms, [
      'Shore Road 12',
      'Check-in Saturday, 12 June 2027, from 15:00',
      'Check-out Tuesday, 15 June 2027, until 11:00',
      '3 nights',
    ]);
    expect(confirmed({ ...oneNight, price }).text).toContain('\n1 night\n');
  });

  it("shows markup in an organiser's or a hotel's texts as text", () => {
    const text = '<script>alert("1")</script> & \'co\'';
    const told = { title: text, venue: text };
    for (const mail of [
      ...all({ ...tickets, booked: { ...tickets.booked, ...told }, link: 'https://x/"><b>' }),
      ...all({ ...rooms, booked: { ...rooms.booked, ...told }, link: 'https://x/"><b>' }),
    ]) {
      expect(mail.html).not.toContain('<script>');
      expect(mail.html).not.toContain('"><b>');
      expect(mail.html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;');
      expect(mail.text).toContain(text);
    }
  });

  it("shows markup in the name of a ticket's or a room's type as text", () => {
    const type = '<b>';
    for (const booked of [
      { ...tickets.booked, ticketType: type },
      { ...rooms.booked, roomType: type },
    ]) {
      const { html } = confirmed({ ...tickets, booked, price });
      expect(html).toContain('(&lt;b&gt;) are yours');
    }
  });

  it('has a subject of its own', () => {
    for (const facts of [tickets, rooms]) {
      expect(new Set(all(facts).map((mail) => mail.subject)).size).toBe(5);
    }
  });

  it('speaks of tickets to who wants tickets, and of rooms to who wants rooms', () => {
    for (const { subject, text } of all(rooms)) expect(subject + text).not.toMatch(/ticket(?!s\.example)/i);
    for (const { subject, text } of all(tickets))
      expect(subject + text).not.toMatch(/room|night(?! of)|voucher/);
  });
});

describe('the mail of a turn', () => {
  it('says until when, to the second in the time zone of the sale, and how much', () => {
    const { text } = yourTurn({ ...tickets, price, deadline });
    expect(text).toContain('04:04:05');
    expect(text).toContain('2 January 2027');
    expect(text).toContain('€90.00');
  });

  it('says what is set aside: how many of which type, and rooms for how long', () => {
    const said = (facts: MailFacts) => yourTurn({ ...facts, price, deadline }).text;
    expect(said(tickets)).toContain('2 tickets (Standing) are set aside for you.');
    expect(said({ ...tickets, quantity: 1 })).toContain('1 ticket (Standing) is set aside for you.');
    expect(said(rooms)).toContain('2 rooms (double) are set aside for you for 3 nights.');
    expect(said(oneNight)).toContain('1 room (double) is set aside for you for 1 night.');
  });
});

describe('the mail of a confirmed booking', () => {
  it('says what was bought, how the attached code is used and what was paid', () => {
    const { subject, text } = confirmed({ ...tickets, price });
    expect(subject).toBe('Your tickets: Night of the Long Echo');
    expect(text).toContain('2 tickets (Standing) are yours, paid with €90.00.');
    expect(text).toContain('at the entrance');
    const voucher = confirmed({ ...rooms, price });
    expect(voucher.subject).toBe('Your vouchers: The Golden Anchor');
    expect(voucher.text).toContain('2 rooms (double) are yours for 3 nights, paid with €90.00.');
    expect(voucher.text).toContain('at the reception');
  });
});

describe('the mail of a refund', () => {
  it('says how much goes back, and that what was issued is no longer valid', () => {
    const { subject, text } = refunded({ ...tickets, price });
    expect(subject).toBe('Your booking is refunded: Night of the Long Echo');
    expect(text).toContain('the whole price, €90.00');
    expect(text).toContain('your tickets already: they are no longer valid');
    expect(refunded({ ...oneNight, price }).text).toContain('your voucher already: it is no longer valid');
  });
});
