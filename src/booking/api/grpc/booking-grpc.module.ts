import { Module } from '@nestjs/common';
import { LineViews } from '../../../realtime/line-views.js';
import { Notifier } from '../../../realtime/notifier.js';
import { BookingFollower } from '../../booking-follower.js';
import { AdmissionHints } from '../../admission-hints.js';
import { ClientNews } from '../../client-news.js';
import { Ledger } from '../../ledger/ledger.js';
import { OfferDirectories } from '../../offers/offer-directory.js';
import { OfferService } from '../../offers/offer.service.js';
import { ReservationService } from '../../reservation.service.js';
import { Snapshots } from '../../snapshots.js';
import { BookingWorkerRpc } from './booking-worker.rpc.js';
import { BookingsRpc } from './bookings.rpc.js';
import { Joining } from './joining.js';
import { RealtimeRpc } from './realtime.rpc.js';
import { TicketsRpc } from './tickets.rpc.js';

/** Bookings by gRPC. Needs `BookingModule` and `GrpcModule`. */
@Module({
  controllers: [BookingWorkerRpc, BookingsRpc, TicketsRpc, RealtimeRpc],
  providers: [
    Joining,
    {
      provide: BookingFollower,
      inject: [Snapshots, LineViews],
      useFactory: (snapshots: Snapshots, views: LineViews) => new BookingFollower(snapshots, views),
    },
    {
      provide: ClientNews,
      inject: [Ledger, LineViews, Notifier],
      useFactory: (ledger: Ledger, views: LineViews, notifier: Notifier) =>
        new ClientNews(ledger, views, notifier),
    },
    {
      provide: ReservationService,
      inject: [Ledger, OfferDirectories, OfferService, Notifier, AdmissionHints],
      useFactory: (
        ledger: Ledger,
        directories: OfferDirectories,
        offers: OfferService,
        notifier: Notifier,
        hints: AdmissionHints,
      ) => new ReservationService(ledger, directories, offers, notifier, hints),
    },
  ],
})
export class BookingGrpcModule {}
