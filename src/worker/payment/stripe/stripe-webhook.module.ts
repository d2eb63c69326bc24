import { Logger, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { AdmissionHints } from '../../../booking/admission-hints.js';
import { Ledger } from '../../../booking/ledger/ledger.js';
import { Config } from '../../../config/config.js';
import { Database } from '../../../database/database.js';
import { StripeIntents } from '../../../database/stripe-intents.js';
import { Metrics } from '../../../metrics/metrics.js';
import { JobQueue } from '../../../queue/job-queue.js';
import { Notifier } from '../../../realtime/notifier.js';
import { ChargeRecorder } from '../../charge-recorder.js';
import { MoveTeller } from '../../move-teller.js';
import { StripeWebhook, type WebhookConcern } from './stripe-webhook.js';
import { webhookRoute } from './webhook-route.js';

const logger = new Logger('stripe');
const concern = (about: WebhookConcern): void =>
  logger.error({ message: 'An event of Stripe has to be looked at', ...about });

/** The door for Stripe's events, in roles with an API. */
@Module({
  providers: [
    {
      provide: StripeWebhook,
      inject: [Config, Database, Ledger, JobQueue, Notifier, AdmissionHints, Metrics],
      useFactory: (
        { payment }: Config,
        database: Database,
        ledger: Ledger,
        queue: JobQueue,
        notifier: Notifier,
        hints: AdmissionHints,
        metrics: Metrics,
      ) =>
        new StripeWebhook(
          ledger,
          new StripeIntents(database),
          new ChargeRecorder(ledger, queue, new MoveTeller(notifier, hints, metrics)),
          payment.stripe?.webhookSecret ?? '',
          concern,
        ),
    },
  ],
})
export class StripeWebhookModule implements OnModuleInit {
  constructor(
    private readonly webhook: StripeWebhook,
    private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const server: FastifyInstance = this.host.httpAdapter.getInstance();
    void server.register(webhookRoute(this.webhook));
  }
}
