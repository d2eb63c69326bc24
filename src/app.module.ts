import { Global, Logger, Module, type DynamicModule, type Type } from '@nestjs/common';
import { LedgerModule } from './booking/ledger.module.js';
import { Ledger } from './booking/ledger/ledger.js';
import { ChargeBooks } from './booking/operator.service.js';
import { within } from './common/within.js';
import { Config } from './config/config.js';
import { callsAnybody } from './config/remote.js';
import { Database } from './database/database.js';
import { DatabaseModule } from './database/database.module.js';
import { DatabaseUrl } from './database/database-url.js';
import { BoardAudit } from './metrics/board/board-audit.js';
import { HealthParts } from './metrics/health.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { BrokerError } from './queue/broker-error.js';
import { JobQueue } from './queue/job-queue.js';
import { QueueModule } from './queue/queue.module.js';
import { LineReader } from './realtime/active-line.js';
import { Notifier } from './realtime/notifier.js';
import { NotifierModule } from './realtime/notifier.module.js';
import { NoRemotes, Remotes } from './remote/remotes.js';
import { RateLimitModule } from './security/rate-limit/rate-limit.module.js';
import { SecurityModule } from './security/security.module.js';
import { chargePages } from './worker/payment/charge-pages.js';
import { PaymentModule } from './worker/payment/payment.module.js';
import { PaymentProvider } from './worker/payment/payment-provider.js';

/** Less than readiness waits, so that a broker that hangs is told by its code as well. */
const BROKER_ANSWERS_MS = 900;
const silent = (): Error => new BrokerError('BROKER_UNREACHABLE', 'the broker', 'it says nothing');

/** What joins modules that do not know each other. */
@Global()
@Module({})
class GlueModule {
  static of(config: Config, remotes: Remotes): DynamicModule {
    return {
      module: GlueModule,
      providers: [
        { provide: Config, useValue: config },
        { provide: Remotes, useValue: remotes },
        {
          provide: HealthParts,
          inject: [Database, JobQueue, Notifier],
          useFactory: (database: Database, queue: JobQueue, notifier: Notifier): HealthParts => ({
            checks: {
              database: () => database.ping(),
              broker: () => within(BROKER_ANSWERS_MS, queue.ping(), silent),
              realtime: () =>
                notifier.connected ? Promise.resolve() : Promise.reject(new Error('not connected')),
            },
          }),
        },
        {
          provide: ChargeBooks,
          inject: [PaymentProvider],
          useFactory: (provider: PaymentProvider): ChargeBooks => ({ pages: () => chargePages(provider) }),
        },
        {
          provide: BoardAudit,
          inject: [Ledger],
          useFactory: (ledger: Ledger): BoardAudit => ({
            note: ({ operator, address, correlationId, method, route }) =>
              ledger.noteOperation(
                'queue.board',
                null,
                { kind: 'operator', id: operator, address, correlationId },
                { method, route },
              ),
          }),
        },
      ],
      exports: [Config, Remotes, HealthParts, ChargeBooks, BoardAudit],
    };
  }

  constructor(private readonly remotes: Remotes) {}

  onApplicationShutdown(): void {
    this.remotes.close();
  }
}

/** The other services that are configured; where there is none, not even the library that calls them is loaded. */
async function remotesOf({ remote }: Config): Promise<Remotes> {
  if (!callsAnybody(remote)) return new NoRemotes();
  const { GrpcRemotes } = await import('./remote/grpc-remotes.js');
  const logger = new Logger('remote');
  return new GrpcRemotes(remote, (service, state, err) => {
    if (state === 'up') logger.log({ message: 'A service is called again', service });
    else logger.warn({ message: 'A service is called no more for now', service, err });
  });
}

/** The doors: HTTP and sockets. Imported where they are used, so that a worker starts in half the time. */
async function doors(): Promise<DynamicModule[]> {
  const [{ BookingModule }, { LineViewsModule, RealtimeModule }] = await Promise.all([
    import('./booking/booking.module.js'),
    import('./realtime/realtime.module.js'),
  ]);
  return [LineViewsModule.reading(LineReader), BookingModule.withHttp(), RealtimeModule.with()];
}

/** The door of gRPC; its libraries are loaded where it is open alone. */
async function grpcDoor({
  environment,
  http,
  grpc,
  shutdownTimeoutMs,
}: Config): Promise<(DynamicModule | Type)[]> {
  const { port } = grpc;
  if (port === null) return [];
  const [{ GrpcDoor }, { GrpcModule }, { BookingGrpcModule }] = await Promise.all([
    import('./grpc/grpc-door.js'),
    import('./grpc/grpc.module.js'),
    import('./booking/api/grpc/booking-grpc.module.js'),
  ]);
  const reflection = environment !== 'production';
  // Made here: a certificate that cannot be used ends the start before anything is open.
  const door = new GrpcDoor({
    host: http.host,
    port,
    settings: grpc,
    reflection,
    closingMs: shutdownTimeoutMs,
  });
  return [GrpcModule.with(door), BookingGrpcModule];
}

/** Where the payment provider tells of payments by itself. */
async function providerDoors({ payment }: Config): Promise<DynamicModule['imports'] & object> {
  if (payment.stripe === null || payment.stripe.webhookSecret === null) return [];
  return [(await import('./worker/payment/stripe/stripe-webhook.module.js')).StripeWebhookModule];
}

/** The only place that knows which role has which modules. */
@Module({})
export class AppModule {
  /** @param databaseUrl of a database that is up to date */
  static async of(config: Config, databaseUrl: string): Promise<DynamicModule> {
    const { role } = config;
    return {
      module: AppModule,
      imports: [
        GlueModule.of(config, await remotesOf(config)),
        DatabaseModule.at(databaseUrl),
        SecurityModule,
        RateLimitModule,
        QueueModule.forRootAsync({
          inject: [Config, DatabaseUrl],
          useFactory: ({ queue }: Config, url: DatabaseUrl) => ({ ...queue, databaseUrl: url.value }),
        }),
        NotifierModule,
        LedgerModule,
        MetricsModule,
        PaymentModule,
        ...(role === 'worker'
          ? []
          : [...(await doors()), ...(await grpcDoor(config)), ...(await providerDoors(config))]),
        ...(role === 'api' ? [] : [(await import('./worker/worker.module.js')).WorkerModule]),
      ],
    };
  }
}
