import { SMTPServer } from 'smtp-server';
import PostalMime, { type Email } from 'postal-mime';
import { freePort } from '../../../src/database/embedded/free-port.js';

/**
 * A mail server that repeats in its answers whatever it is told, as many do: who is refused for good (`refused-`), who
 * may come again (`later-`), and who is let in.
 */
export class MailTrap {
  private constructor(
    readonly port: number,
    /** Those that were let in. */
    readonly mails: readonly Email[],
    private readonly server: SMTPServer,
  ) {}

  static async open(): Promise<MailTrap> {
    const mails: Email[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      closeTimeout: 100,
      onAuth: (auth, _session, done) => done(null, { user: auth.username ?? '' }),
      onRcptTo: ({ address }, _session, done) => {
        const status = address.startsWith('refused-') ? 550 : address.startsWith('later-') ? 451 : null;
        if (status === null) return done();
        return done(
          Object.assign(new Error(`<${address}> is not wanted here, ${address}!`), { responseCode: status }),
        );
      },
      onData: (stream, _session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          void PostalMime.parse(Buffer.concat(chunks)).then((mail) => {
            mails.push(mail);
            done();
          });
        });
      },
    });
    server.on('error', () => undefined);
    const port = await freePort();
    await new Promise<void>((ready) => server.listen(port, '127.0.0.1', ready));
    return new MailTrap(port, mails, server);
  }

  async close(): Promise<void> {
    await new Promise<void>((closed) => this.server.close(closed));
  }
}
