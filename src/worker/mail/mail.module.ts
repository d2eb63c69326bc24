import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Mailer } from './mailer.js';
import { OutboxMailer } from './outbox-mailer.js';
import { SmtpMailer } from './smtp-mailer.js';

function createMailer({ mail, dataDir }: Config): Mailer {
  return mail.smtpUrl === null
    ? new OutboxMailer(join(dataDir, 'outbox'), mail.from)
    : new SmtpMailer(mail.smtpUrl, mail.from);
}

/** Provides `Mailer`; needs `Config` to be provided globally. */
@Global()
@Module({
  providers: [{ provide: Mailer, useFactory: createMailer, inject: [Config] }],
  exports: [Mailer],
})
export class MailModule {}
