import { Global, Logger, Module, type DynamicModule } from '@nestjs/common';
import { Ids } from '../common/ids.js';
import { Config } from '../config/config.js';
import { Metrics } from '../metrics/metrics.js';
import { JobQueue } from '../queue/job-queue.js';
import { LineViews } from '../realtime/line-views.js';
import { Notifier } from '../realtime/notifier.js';
import { SnapshotReader, SocketAccess } from '../realtime/socket-ports.js';
import { Authenticator } from '../security/authentication.js';
import { addressReader } from '../security/client-address.js';
import { CallLimits } from '../security/rate-limit/call-limits.js';
import { TokenSecret } from '../security/security.module.js';
import { Acceptances } from './acceptance.js';
import { AdmissionHints } from './admission-hints.js';
import { AdminController } from './api/admin.controller.js';
import { BookingsController } from './api/bookings.controller.js';
import { OffersController } from './api/offers.controller.js';
import { TicketsController } from './api/tickets.controller.js';
import { BookingSnapshotReader, BookingSocketAccess } from './booking-watch.js';
import { BookingService } from './booking.service.js';
import { Ledger } from './ledger/ledger.js';
import { OfferDirectories } from './offers/offer-directory.js';
import { OfferService } from './offers/offer.service.js';
import { ChargeBooks, OperatorService } from './operator.service.js';
import { Snapshots } from './snapshots.js';
import { TicketService } from './tickets/ticket.service.js';

const logger = new Logger('booking');
/** A hint that could not be sent costs time, never a booking: worth a line, not an alarm. */
const warn = (error: unknown): void => logger.warn({ message: 'a hint could not be sent', err: error });

/** Bookings for customers and operators. Needs global modules for all that it injects from elsewhere. */
@Global()
@Module({})
export class BookingModule {
  /** Closes the door: everything taken is answered before the process goes. */
  constructor(private readonly acceptances: Acceptances) {}

  static withHttp(): DynamicModule {
    return {
      module: BookingModule,
      controllers: [BookingsController, OffersController, TicketsController, AdminController],
      providers: [
        {
          provide: Acceptances,
          inject: [Ledger, AdmissionHints, Notifier, Metrics, Config],
          useFactory: (
            ledger: Ledger,
            hints: AdmissionHints,
            notifier: Notifier,
            metrics: Metrics,
            config: Config,
          ) => new Acceptances(ledger, hints, notifier, metrics, config),
        },
        {
          provide: OfferDirectories,
          inject: [Ledger],
          useFactory: (ledger: Ledger) => new OfferDirectories(ledger),
        },
        {
          provide: Snapshots,
          inject: [Ledger, LineViews, Config],
          useFactory: (ledger: Ledger, views: LineViews, { http }: Config) =>
            new Snapshots(ledger, views, http.publicUrl),
        },
        {
          provide: BookingService,
          inject: [Ledger, Acceptances, OfferDirectories, Snapshots, JobQueue, Notifier, AdmissionHints, Ids],
          useFactory: (
            ledger: Ledger,
            acceptances: Acceptances,
            offers: OfferDirectories,
            snapshots: Snapshots,
            queue: JobQueue,
            notifier: Notifier,
            hints: AdmissionHints,
            ids: Ids,
          ) => new BookingService(ledger, acceptances, offers, snapshots, queue, notifier, hints, ids, warn),
        },
        {
          provide: OfferService,
          inject: [Ledger, Notifier, AdmissionHints, Config],
          useFactory: (ledger: Ledger, notifier: Notifier, hints: AdmissionHints, { line }: Config) =>
            new OfferService(ledger, notifier, hints, line.holdSeconds),
        },
        {
          provide: TicketService,
          inject: [Ledger, TokenSecret],
          useFactory: (ledger: Ledger, secret: TokenSecret) => new TicketService(ledger, secret.bytes),
        },
        {
          provide: OperatorService,
          inject: [Ledger, ChargeBooks, Config, JobQueue, Notifier, AdmissionHints],
          useFactory: (
            ledger: Ledger,
            books: ChargeBooks,
            { queue: { type } }: Config,
            queue: JobQueue,
            notifier: Notifier,
            hints: AdmissionHints,
          ) => new OperatorService(ledger, books, type, queue, notifier, hints, warn),
        },
        {
          provide: SocketAccess,
          inject: [Ledger, Authenticator, CallLimits, Config],
          useFactory: (ledger: Ledger, authenticator: Authenticator, limits: CallLimits, { http }: Config) =>
            new BookingSocketAccess(ledger, authenticator, limits, addressReader(http.trustedProxies)),
        },
        {
          provide: SnapshotReader,
          inject: [Snapshots],
          useFactory: (snapshots: Snapshots) => new BookingSnapshotReader(snapshots),
        },
      ],
      exports: [SocketAccess, SnapshotReader, BookingService, Snapshots, OfferDirectories, OfferService],
    };
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.acceptances.drain();
  }
}
