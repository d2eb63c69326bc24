import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Config } from '../../../src/config/config.js';
import { loadConfig } from '../../../src/config/load.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { DocumentModule } from '../../../src/worker/document/document.module.js';
import { DocumentRenderer } from '../../../src/worker/document/document-renderer.js';
import { MailModule } from '../../../src/worker/mail/mail.module.js';
import { Mailer } from '../../../src/worker/mail/mailer.js';
import { PaymentModule } from '../../../src/worker/payment/payment.module.js';
import { PaymentProvider, ProviderUnavailable } from '../../../src/worker/payment/payment-provider.js';

it('the worker’s ports come up from configuration alone and let go of everything on shutdown', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ports-'));
  @Global()
  @Module({
    providers: [{ provide: Config, useValue: loadConfig({ DATA_DIR: dataDir, NODE_ENV: 'test' }) }],
    exports: [Config],
  })
  class Surroundings {}

  const moduleRef = await Test.createTestingModule({
    imports: [
      Surroundings,
      DatabaseModule.at(process.env['DATABASE_URL'] ?? ''),
      PaymentModule,
      DocumentModule,
      MailModule,
    ],
  }).compile();
  const app = await moduleRef.init();
  const payments = app.get(PaymentProvider);
  const attachment = await app.get(DocumentRenderer).renderTicket({
    bookingId: 'b',
    event: { title: 't', venue: 'v', ticketType: 's', startsAt: '2027-06-12T18:00:00Z', timeZone: 'UTC' },
    codes: ['CODE'],
    holder: 'h',
    price: { amountMinor: 1, currency: 'EUR' },
    issuedAt: '2027-01-01T00:00:00Z',
  });
  await app.get(Mailer).send({
    to: 'ada@example.org',
    subject: 's',
    text: 't',
    html: 'h',
    messageId: '<ticket.b.1@localhost>',
    correlationId: 'request-1',
    attachments: [{ filename: 'tickets.pdf', contentType: 'application/pdf', content: attachment }],
  });
  expect(await readdir(join(dataDir, 'outbox'))).toEqual(['ticket.b.1@localhost.eml']);

  await app.close();
  await expect(payments.charges({ after: null, limit: 1 })).rejects.toThrow(ProviderUnavailable);
  await rm(dataDir, { recursive: true });
});
