import {
  Logger,
  Module,
  Global,
  type OnApplicationBootstrap,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import type { Actor } from '../booking/booking.js';
import type { AuditHead } from '../booking/ledger/audit.js';
import { AdmissionHints } from '../booking/admission-hints.js';
import { Ledger } from '../booking/ledger/ledger.js';
import { LineWork } from '../booking/line-work.js';
import { Ids } from '../common/ids.js';
import { Config } from '../config/config.js';
import { Metrics } from '../metrics/metrics.js';
import { WorkerActivity } from '../metrics/worker-activity.js';
import { JobQueue } from '../queue/job-queue.js';
import { Notifier } from '../realtime/notifier.js';
import { BookingTokens } from '../security/booking-token.js';
import { TokenSecret } from '../security/security.module.js';
import { AdmissionProcessor } from './admission.processor.js';
import { BookingPages } from './booking-pages.js';
import { ChargeRecorder } from './charge-recorder.js';
import { DataKeeper } from './data-keeper.js';
import { DocumentModule } from './document/document.module.js';
import { DocumentRenderer } from './document/document-renderer.js';
import type { Failed } from './failed.js';
import { FulfilmentProcessor } from './fulfilment.processor.js';
import { LineWorker } from './line-worker.js';
import { MailCourier } from './mail-courier.js';
import { MailModule } from './mail/mail.module.js';
import { Mailer } from './mail/mailer.js';
import { MoneyKeeper } from './money-keeper.js';
import { MoveTeller } from './move-teller.js';
import { PaymentProvider } from './payment/payment-provider.js';
import { EmailStep } from './steps/email.step.js';
import { InventoryStep } from './steps/inventory.step.js';
import { PaymentStep } from './steps/payment.step.js';
import { PdfStep } from './steps/pdf.step.js';
import { ValidateStep } from './steps/validate.step.js';
import { Sealer } from './sealer.js';
import { Sweeper } from './sweeper.js';
import { ToldModule } from './told/told.module.js';
import { Tellers } from './told/tellers.js';
import { WorkerService, type JobTold } from './worker.service.js';

const logger = new Logger('worker');
/** Everything here is done again at its time: a line for the log, with the error's own code. */
const warn: Failed = (error, about = {}) =>
  logger.warn({ message: 'will be done again', ...about, err: error });
/** What became of each delivery of a job, under the id of the request that began it. */
const tellJob = (told: JobTold): void => logger.debug(told);
/** The head of the audit chain, for whoever keeps the logs. */
const tellHead = ({ anchor, sequence, digest, sealedThrough }: AuditHead): void =>
  logger.log({
    ...{ event: 'audit.head', message: 'The audit chain is sealed', anchor, sequence, digest, sealedThrough },
  });

const actor: Actor = { kind: 'system', id: `worker-${process.pid}`, correlationId: `worker-${process.pid}` };

/** A broker's longest wait before it delivers a failed job again, jitter included, and a little. */
const retryWithinMs = ({ maxBackoffMs }: Config['worker']): number => maxBackoffMs * 1.5 + 10_000;

@Global()
@Module({
  imports: [DocumentModule, MailModule, ToldModule],
  providers: [
    {
      provide: MoveTeller,
      inject: [Notifier, AdmissionHints, Metrics],
      useFactory: (notifier: Notifier, hints: AdmissionHints, metrics: Metrics) =>
        new MoveTeller(notifier, hints, metrics),
    },
    {
      provide: BookingPages,
      inject: [Config, BookingTokens],
      useFactory: ({ http }: Config, tokens: BookingTokens) => new BookingPages(http.publicUrl, tokens),
    },
    {
      provide: AdmissionProcessor,
      inject: [Ledger, JobQueue, MoveTeller, Metrics],
      useFactory: (ledger: Ledger, queue: JobQueue, teller: MoveTeller, metrics: Metrics) =>
        new AdmissionProcessor(ledger, queue, teller, metrics, actor, warn),
    },
    {
      provide: FulfilmentProcessor,
      inject: [
        Ledger,
        JobQueue,
        PaymentProvider,
        DocumentRenderer,
        Mailer,
        MoveTeller,
        BookingPages,
        Notifier,
        Metrics,
        Ids,
        TokenSecret,
        Tellers,
        Config,
      ],
      useFactory: (
        ledger: Ledger,
        queue: JobQueue,
        provider: PaymentProvider,
        renderer: DocumentRenderer,
        mailer: Mailer,
        teller: MoveTeller,
        pages: BookingPages,
        notifier: Notifier,
        metrics: Metrics,
        ids: Ids,
        secret: TokenSecret,
        tellers: Tellers,
        { worker, payment }: Config,
      ) =>
        new FulfilmentProcessor(
          ledger,
          queue,
          notifier,
          metrics,
          {
            stepDelaysMs: worker.stepDelaysMs,
            retryWithinMs: retryWithinMs(worker),
            settleAfterMs: payment.settleAfterMs,
          },
          [
            new ValidateStep(ledger, provider, teller, actor),
            new PaymentStep(ledger, provider, teller, actor),
            new PdfStep(ledger, renderer, ids, secret.bytes, actor),
            new EmailStep(ledger, mailer, pages, actor),
            new InventoryStep(ledger, teller, tellers, actor),
          ],
          warn,
        ),
    },
    {
      provide: Sweeper,
      inject: [
        Ledger,
        JobQueue,
        AdmissionProcessor,
        Mailer,
        PaymentProvider,
        BookingPages,
        MoveTeller,
        Metrics,
        Config,
      ],
      useFactory: (
        ledger: Ledger,
        queue: JobQueue,
        admission: AdmissionProcessor,
        mailer: Mailer,
        provider: PaymentProvider,
        pages: BookingPages,
        teller: MoveTeller,
        metrics: Metrics,
        { worker, payment, data }: Config,
      ) =>
        new Sweeper({
          ledger,
          queue,
          admission,
          courier: new MailCourier(ledger, mailer, pages, warn),
          money: new MoneyKeeper(
            ledger,
            provider,
            new ChargeRecorder(ledger, queue, teller),
            actor,
            payment.settleAfterMs,
            warn,
          ),
          data: new DataKeeper(ledger, mailer, provider, actor, data.retentionDays, warn),
          sealer: new Sealer(ledger, tellHead),
          teller,
          metrics,
          actor,
          intervalMs: worker.sweepIntervalMs,
          failed: warn,
        }),
    },
    {
      provide: WorkerService,
      inject: [JobQueue, Ledger, AdmissionProcessor, FulfilmentProcessor, Sweeper, Metrics, Config],
      useFactory: (
        queue: JobQueue,
        ledger: Ledger,
        admission: AdmissionProcessor,
        fulfilment: FulfilmentProcessor,
        sweeper: Sweeper,
        metrics: Metrics,
        config: Config,
      ) =>
        new WorkerService(
          queue,
          ledger,
          admission,
          fulfilment,
          sweeper,
          metrics,
          config,
          actor,
          warn,
          tellJob,
        ),
    },
    { provide: WorkerActivity, useExisting: WorkerService },
    {
      provide: LineWork,
      inject: [Ledger, JobQueue, AdmissionProcessor, FulfilmentProcessor],
      useFactory: (
        ledger: Ledger,
        queue: JobQueue,
        admission: AdmissionProcessor,
        fulfilment: FulfilmentProcessor,
      ) => new LineWorker(ledger, queue, admission, fulfilment, warn),
    },
  ],
  exports: [WorkerActivity, LineWork],
})
export class WorkerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly worker: WorkerService,
    private readonly tellers: Tellers,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.worker.start();
    this.tellers.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
    await this.tellers.stop();
  }
}
