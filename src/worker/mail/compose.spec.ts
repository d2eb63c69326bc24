import fc from 'fast-check';
import { compose, messageId } from './compose.js';
import { MailRefused, type MailMessage } from './mailer.js';

const bookingId = '0192f0c1-5b7a-7cde-8f01-23456789abcd';
const message: MailMessage = {
  to: 'ada@example.org',
  subject: 'Your turn',
  text: 'text',
  html: '<p>text</p>',
  messageId: messageId('your-turn', bookingId, 3, 'https://tickets.example.org'),
  attachments: [],
  correlationId: 'request-1',
};
const from = 'Fairline <tickets@example.org>';

describe('a Message-ID', () => {
  it('is made of the kind, the booking, the fence and the host, and so the same on every repetition', () => {
    expect(message.messageId).toBe(`<your-turn.${bookingId}.3@tickets.example.org>`);
    expect(messageId('ticket', bookingId, 1, 'http://127.0.0.1:3000')).toBe(
      `<ticket.${bookingId}.1@127.0.0.1>`,
    );
    expect(messageId('ticket', bookingId, 1, 'http://[::1]:3000')).toBe(`<ticket.${bookingId}.1@[::1]>`);
  });

  it('is refused as a mistake of ours when it is malformed', () => {
    for (const wrong of ['', 'no-brackets@x', '<a@b>\r\nBcc: <c@d>', '<a b@c>']) {
      expect(() => compose({ ...message, messageId: wrong }, from)).toThrow(TypeError);
    }
  });
});

describe('a recipient', () => {
  it.each([
    'ada@example.org\r\nBcc: eve@example.org',
    'ada@example.org, eve@example.org',
    'ada@example.org;eve@example.org',
    'Ada <ada@example.org>',
    'group: ada@example.org',
    '"a b"@example.org',
    'ada',
    '@example.org',
    'ada@',
    `${'a'.repeat(65)}@example.org`,
    '',
  ])('is refused for good as %j', (to) => {
    expect(() => compose({ ...message, to }, from)).toThrow(new MailRefused('INVALID_ADDRESS'));
  });

  it.each(['ada+tickets@example.org', "o'hara@example.co.uk", 'πάντα@παράδειγμα.gr'])('may be %s', (to) => {
    expect(compose({ ...message, to }, from).to).toEqual({ name: '', address: to });
  });
});

it('has no line break in a header, whatever the subject and the name of a file are', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (subject, filename) => {
      const attachments = [{ filename, contentType: 'application/pdf', content: Buffer.alloc(1) }];
      const mail = compose({ ...message, subject: `a\r\nBcc: b${subject}`, attachments }, from);
      expect(`${mail.subject}${JSON.stringify(mail.attachments?.map((one) => one.filename))}`).not.toMatch(
        /[\r\n]/,
      );
    }),
  );
});

describe('the correlation id', () => {
  it('goes into a header, unless it could bend one', () => {
    const headerOf = (correlationId: string): unknown =>
      Reflect.get(compose({ ...message, correlationId }, from).headers ?? {}, 'X-Correlation-Id');
    expect(headerOf('request-1')).toBe('request-1');
    for (const bent of ['', 'a\r\nBcc: eve@example.org', 'a b', 'x'.repeat(65)])
      expect(headerOf(bent)).toBeUndefined();
  });
});
