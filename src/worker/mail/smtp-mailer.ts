import { setTimeout as sleep } from 'node:timers/promises';
import type { OnApplicationShutdown } from '@nestjs/common';
import { createTransport } from 'nodemailer';
import { compose } from './compose.js';
import { Mailer, MailRefused, MailUnavailable, type MailMessage } from './mailer.js';

/** A message is a few dozen kB: a server that is slower than this is as good as gone. */
const TIMEOUTS = { connectionTimeout: 5000, greetingTimeout: 5000, dnsTimeout: 5000, socketTimeout: 15_000 };
const CLOSE_WITHIN_MS = 5000;

/** Replies that refuse what is sent. What is refused before (greeting, login, sender) is ours to put right. */
const ABOUT_THE_MESSAGE: ReadonlySet<string> = new Set(['RCPT TO', 'DATA']);
/** Asks for a login or for encryption: a matter of configuration, also as an answer to RCPT. */
const ABOUT_OUR_ACCESS: ReadonlySet<number> = new Set([530, 534, 535, 538]);

/** Sends by SMTP over a few connections that are kept. */
export class SmtpMailer extends Mailer implements OnApplicationShutdown {
  private readonly transport;
  private readonly running = new Set<Promise<unknown>>();
  private closed: Promise<void> | null = null;

  constructor(
    smtpUrl: string,
    private readonly from: string,
  ) {
    super();
    this.transport = createTransport({
      url: smtpUrl,
      pool: true,
      maxConnections: 4,
      maxMessages: 200,
      idleTimeout: 30_000,
      // A message whose connection broke is repeated by the job, where it is counted.
      maxRequeues: 0,
      ...TIMEOUTS,
    });
    // An idle connection that the server drops is replaced on the next use.
    this.transport.on('error', () => undefined);
  }

  override async send(message: MailMessage, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const mail = compose(message, this.from);
    if (this.closed !== null) throw new MailUnavailable('CLOSED');
    const sending = this.transport.sendMail(signal === undefined ? mail : { ...mail, signal });
    this.running.add(sending);
    try {
      await sending;
    } catch (error) {
      signal?.throwIfAborted();
      throw named(error);
    } finally {
      this.running.delete(sending);
    }
  }

  override forget(): Promise<void> {
    return Promise.resolve();
  }

  override close(): Promise<void> {
    this.closed ??= this.shutDown();
    return this.closed;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  private async shutDown(): Promise<void> {
    const waited = new AbortController();
    const patience = sleep(CLOSE_WITHIN_MS, undefined, { signal: waited.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.running), patience]);
    waited.abort();
    this.transport.close({ force: true });
  }
}

/**
 * The error by what is to be done about it. The original goes no further: a server's words repeat the address,
 * and an error ends up in logs.
 */
function named(error: unknown): MailRefused | MailUnavailable {
  const status = field(error, 'responseCode');
  if (typeof status !== 'number') return new MailUnavailable(textOf(field(error, 'code')));
  const command = textOf(field(error, 'command'));
  const refused = status >= 500 && ABOUT_THE_MESSAGE.has(command) && !ABOUT_OUR_ACCESS.has(status);
  return refused ? new MailRefused(`SMTP ${status}`) : new MailUnavailable(`SMTP ${status}`);
}

const field = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : 'UNKNOWN');
