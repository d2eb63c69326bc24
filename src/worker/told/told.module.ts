import { Global, Logger, Module } from '@nestjs/common';
import type { Actor } from '../../booking/booking.js';
import { Ledger } from '../../booking/ledger/ledger.js';
import type { ToldService } from '../../booking/ledger/tellings.js';
import { Config } from '../../config/config.js';
import { Metrics } from '../../metrics/metrics.js';
import { Remotes } from '../../remote/remotes.js';
import { Asker } from './asker.js';
import { BookingRegister, LedgerBookingRegister } from './booking-register.js';
import { RemoteBookingRegister } from './remote-booking-register.js';
import { RemoteTicketService } from './remote-ticket-service.js';
import { Teller } from './teller.js';
import { Tellers } from './tellers.js';
import { LedgerTicketService, TicketService } from './ticket-service.js';

const logger = new Logger('told');
const warn = (error: unknown): void => logger.warn({ message: 'a telling', err: error });
const actor: Actor = { kind: 'system', id: `worker-${process.pid}`, correlationId: `worker-${process.pid}` };

/** The only place that knows whether stock and bookings are told to somebody else. Needs `Remotes` from a global module. */
@Global()
@Module({
  providers: [
    {
      provide: TicketService,
      inject: [Remotes, Config],
      useFactory: (remotes: Remotes, { remote }: Config): TicketService => {
        const caller = remotes.caller('ticket');
        return caller === null
          ? new LedgerTicketService()
          : new RemoteTicketService(caller, remote.deadlineMs);
      },
    },
    {
      provide: BookingRegister,
      inject: [Remotes, Config],
      useFactory: (remotes: Remotes, { remote }: Config): BookingRegister => {
        const caller = remotes.caller('booking');
        return caller === null || remote.bookingService === null
          ? new LedgerBookingRegister()
          : new RemoteBookingRegister(caller, remote.bookingService.paymentMethod, remote.deadlineMs);
      },
    },
    {
      provide: Tellers,
      inject: [TicketService, BookingRegister, Ledger, Metrics, Config],
      useFactory: (
        tickets: TicketService,
        bookings: BookingRegister,
        ledger: Ledger,
        metrics: Metrics,
        { worker }: Config,
      ) => {
        const common = { ledger, metrics, actor, intervalMs: worker.sweepIntervalMs, failed: warn };
        const tell = (service: ToldService, { told }: TicketService | BookingRegister): Teller[] =>
          told === null ? [] : [new Teller({ service, told, ...common })];
        const differs = (offerId: string, differences: readonly object[]): void =>
          logger.warn({ message: 'the ticket service has other numbers', offerId, differences });
        return new Tellers(
          [...tell('ticket', tickets), ...tell('booking', bookings)],
          tickets.told === null
            ? []
            : [new Asker({ tickets, ledger, metrics, actor, differs, failed: warn })],
        );
      },
    },
  ],
  exports: [Tellers],
})
export class ToldModule {}
