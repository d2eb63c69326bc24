import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { compose } from './compose.js';
import { Mailer, MailUnavailable, type MailMessage } from './mailer.js';

/**
 * Writes each message as a file that any mail program opens, named by its Message-ID: a repetition replaces it.
 * A file is there whole or not at all. Only the owner can read it: it holds addresses and tickets.
 */
export class OutboxMailer extends Mailer {
  private readonly transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });

  constructor(
    /** Made when it is missing. */
    private readonly directory: string,
    private readonly from: string,
  ) {
    super();
  }

  override async send(message: MailMessage, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const composed = await this.transport.sendMail(compose(message, this.from));
    const temporary = join(this.directory, `.${randomUUID()}.tmp`);
    try {
      await this.write(temporary, composed.message);
      await rename(temporary, join(this.directory, outboxFileName(message.messageId)));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new MailUnavailable(errorCode(error));
    }
  }

  override async forget(bookingIds: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.directory).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    });
    const theirs = names.filter((name) => bookingIds.has(bookingOf(name)));
    await Promise.all(theirs.map((name) => rm(join(this.directory, name), { force: true })));
  }

  /** The folder is made by the first who misses it. */
  private async write(file: string, content: Parameters<typeof writeFile>[1]): Promise<void> {
    try {
      await writeFile(file, content, { mode: 0o600 });
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
      await writeFile(file, content, { mode: 0o600 });
    }
  }

  override async close(): Promise<void> {
    // Nothing is kept open.
  }
}

/** The name of a message's file: its Message-ID; where that has characters for no file system, with a digest. */
export function outboxFileName(messageId: string): string {
  const plain = messageId.slice(1, -1);
  const safe = plain.replace(/[^A-Za-z0-9._@-]/g, '_');
  if (safe === plain && safe.length <= 200) return `${safe}.eml`;
  return `${safe.slice(0, 150)}.${createHash('sha256').update(plain).digest('hex').slice(0, 16)}.eml`;
}

/** The booking that a file's mail is about: its Message-ID names it after the kind. */
const bookingOf = (fileName: string): string => fileName.split('.')[1] ?? '';

const errorCode = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'UNKNOWN';
