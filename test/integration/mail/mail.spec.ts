import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { messageId } from '../../../src/worker/mail/compose.js';
import { MailRefused, MailUnavailable, type MailMessage } from '../../../src/worker/mail/mailer.js';
import { OutboxMailer, outboxFileName } from '../../../src/worker/mail/outbox-mailer.js';
import { SmtpMailer } from '../../../src/worker/mail/smtp-mailer.js';

const from = 'Fairline <tickets@example.org>';
const bookingId = '0192f0c1-5b7a-7cde-8f01-23456789abcd';
/** Every byte there is, more than once over: nothing that a transfer could bend and nobody notice. */
const pdf = Buffer.from(Array.from({ length: 70_000 }, (_, n) => (n * 7 + (n >> 8)) % 256));
const message: MailMessage = {
  to: 'ada@example.org',
  subject: 'Your tickets: Ночь — नमस्ते 🎫\r\nBcc: eve@example.org',
  text: 'Žluťoučký kůň\n.\nFrom here on.',
  html: '<p>Žluťoučký <b>kůň</b></p>',
  messageId: messageId('ticket', bookingId, 2, 'https://tickets.example.org'),
  attachments: [{ filename: 'tickets.pdf', contentType: 'application/pdf', content: pdf }],
  correlationId: 'request-1',
};

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Listens on a free port of those that no outgoing connection is given. */
async function listen(server: Server): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (listening) return port;
  }
}

interface Received {
  readonly recipients: readonly string[];
  readonly raw: string;
  readonly mail: Email;
}
interface Relay {
  readonly mailer: SmtpMailer;
  readonly received: Received[];
  readonly connections: () => number;
}

/** A real SMTP server and a mailer that sends to it. */
async function startRelay(options: SMTPServerOptions = {}): Promise<Relay> {
  const received: Received[] = [];
  let connections = 0;
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    closeTimeout: 100,
    onConnect: (_session, done) => {
      connections++;
      done();
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks);
        const recipients = session.envelope.rcptTo.map((recipient) => recipient.address);
        void PostalMime.parse(raw).then((mail) => {
          received.push({ recipients, raw: raw.toString('latin1'), mail });
          done();
        });
      });
    },
    ...options,
  });
  smtp.on('error', () => undefined);
  const port = await listen(smtp.server);
  const mailer = new SmtpMailer(`smtp://127.0.0.1:${port}`, from);
  cleanUps.push(() => new Promise<void>((resolve) => smtp.close(() => resolve())));
  cleanUps.push(() => mailer.close());
  return { mailer, received, connections: () => connections };
}

function expectWhole(mail: Email | undefined): void {
  expect(mail?.subject).toBe('Your tickets: Ночь — नमस्ते 🎫 Bcc: eve@example.org');
  expect(mail?.from).toMatchObject({ name: 'Fairline', address: 'tickets@example.org' });
  expect(mail?.to).toMatchObject([{ address: 'ada@example.org' }]);
  expect(mail?.cc ?? []).toEqual([]);
  expect(mail?.bcc ?? []).toEqual([]);
  expect(mail?.messageId).toBe(`<ticket.${bookingId}.2@tickets.example.org>`);
  expect(mail?.text?.trim().replaceAll('\r\n', '\n')).toBe(message.text);
  expect(mail?.html?.trim()).toBe(message.html);
  const [attachment] = mail?.attachments ?? [];
  expect(attachment).toMatchObject({
    filename: 'tickets.pdf',
    mimeType: 'application/pdf',
    disposition: 'attachment',
  });
  const content = attachment?.content;
  expect(
    content instanceof ArrayBuffer || content instanceof Uint8Array
      ? Buffer.from(new Uint8Array(content)).equals(pdf)
      : false,
  ).toBe(true);
}

describe('mail by SMTP', () => {
  it('arrives whole: headers, both bodies and the attachment to the byte', async () => {
    const { mailer, received } = await startRelay();
    await mailer.send(message);
    expect(received).toHaveLength(1);
    expect(received[0]?.recipients).toEqual(['ada@example.org']);
    expectWhole(received[0]?.mail);
    expect(received[0]?.raw).toMatch(/^Auto-Submitted: auto-generated\r?$/m);
    expect(received[0]?.raw).not.toMatch(/^Bcc:/im);
  });

  it('goes over a few connections that are kept, however many messages there are', async () => {
    const { mailer, received, connections } = await startRelay();
    await Promise.all(Array.from({ length: 30 }, () => mailer.send({ ...message, attachments: [] })));
    expect(received).toHaveLength(30);
    expect(connections()).toBeLessThanOrEqual(4);
  });

  it('is refused for good when the server refuses the recipient with 5xx, and the error does not tell the address', async () => {
    const { mailer } = await startRelay({
      onRcptTo: (address, _session, done) =>
        done(Object.assign(new Error(`No such user ${address.address}`), { responseCode: 550 })),
    });
    const error: unknown = await mailer.send(message).catch((caught: unknown) => caught);
    expect(error).toEqual(new MailRefused('SMTP 550'));
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('ada');
  });

  it('is refused for good when the server refuses the message with 5xx', async () => {
    const { mailer } = await startRelay({
      onData: (stream, _session, done) => {
        stream.resume();
        stream.on('end', () => done(Object.assign(new Error('Too much'), { responseCode: 552 })));
      },
    });
    await expect(mailer.send(message)).rejects.toThrow(new MailRefused('SMTP 552'));
  });

  it.each([
    [
      'the recipient is deferred',
      { onRcptTo: (_a, _s, done) => done(Object.assign(new Error('Later'), { responseCode: 451 })) },
      'SMTP 451',
    ],
    [
      'our sender is refused',
      { onMailFrom: (_a, _s, done) => done(Object.assign(new Error('No'), { responseCode: 550 })) },
      'SMTP 550',
    ],
  ] satisfies [string, SMTPServerOptions, string][])(
    'is to be tried again when %s',
    async (_, options, reason) => {
      const { mailer } = await startRelay(options);
      await expect(mailer.send(message)).rejects.toThrow(new MailUnavailable(reason));
    },
  );

  it('is to be tried again when nobody listens, and goes out once somebody does', async () => {
    const free = createServer();
    const port = await listen(free);
    await new Promise((resolve) => free.close(resolve));
    const mailer = new SmtpMailer(`smtp://127.0.0.1:${port}`, from);
    cleanUps.push(() => mailer.close());
    await expect(mailer.send(message)).rejects.toThrow(MailUnavailable);
    const smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      closeTimeout: 100,
    });
    cleanUps.push(() => new Promise<void>((resolve) => smtp.close(() => resolve())));
    await new Promise<void>((resolve) => smtp.listen(port, '127.0.0.1', resolve));
    await mailer.send(message);
  });

  it('lets go of a server that does not answer when its signal is aborted', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined));
    const port = await listen(silent);
    const mailer = new SmtpMailer(`smtp://127.0.0.1:${port}`, from);
    cleanUps.push(() => new Promise((resolve) => silent.close(resolve)));
    cleanUps.push(() => mailer.close());
    const impatient = new AbortController();
    const sending = mailer.send(message, impatient.signal);
    setTimeout(() => impatient.abort(new Error('shutting down')), 100);
    await expect(sending).rejects.toThrow('shutting down');
  });

  it('finishes what is running when the mailer closes, and takes nothing new', async () => {
    const { mailer, received } = await startRelay();
    await mailer.send({ ...message, attachments: [] });
    const sending = mailer.send(message);
    await mailer.close();
    await sending;
    expect(received).toHaveLength(2);
    await expect(mailer.send(message)).rejects.toThrow(new MailUnavailable('CLOSED'));
    await mailer.close();
  });
});

describe('mail to the outbox', () => {
  const openOutbox = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'outbox-'));
    cleanUps.push(() => rm(folder, { recursive: true }));
    return join(folder, 'outbox');
  };

  it('is a file of real MIME that only its owner can read', async () => {
    const outbox = await openOutbox();
    await new OutboxMailer(outbox, from).send(message);
    const file = join(outbox, outboxFileName(message.messageId));
    expectWhole(await PostalMime.parse(await readFile(file)));
    expect((await stat(file)).mode & 0o077).toBe(0);
  });

  it('is replaced by its repetition, also when several are written at once, and leaves no other file', async () => {
    const outbox = await openOutbox();
    const [one, other] = [new OutboxMailer(outbox, from), new OutboxMailer(outbox, from)];
    await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : other).send(message)));
    expect(await readdir(outbox)).toEqual([`ticket.${bookingId}.2@tickets.example.org.eml`]);
    expectWhole(await PostalMime.parse(await readFile(join(outbox, outboxFileName(message.messageId)))));
  });

  it('is to be tried again when the folder cannot be written', async () => {
    const outbox = await openOutbox();
    await writeFile(outbox, 'a file where the folder should be');
    await expect(new OutboxMailer(outbox, from).send(message)).rejects.toThrow(MailUnavailable);
  });

  it('never leaves its folder, whatever the Message-ID is', () => {
    expect(outboxFileName('<../../etc/passwd@x>')).toMatch(/^[A-Za-z0-9._@-]+\.eml$/);
    expect(outboxFileName('<a@[::1]>')).not.toBe(outboxFileName('<a@[::2]>'));
    expect(outboxFileName(`<${'a'.repeat(500)}@x>`).length).toBeLessThan(255);
  });
});
