import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Config } from '../config/config.js';
import { GrpcDoor } from './grpc-door.js';
import { RateLimiterRpc } from './rate-limiter.rpc.js';
import { CallGuard } from './rpc.js';

/** The gRPC server, and what serves calls without knowing of bookings. Needs `Config` and limits from global modules. */
@Global()
@Module({})
export class GrpcModule {
  constructor(private readonly door: GrpcDoor) {}

  /** @param port as `Config.grpc` has it, where it has one */
  static at(port: number): DynamicModule {
    return {
      module: GrpcModule,
      controllers: [RateLimiterRpc],
      providers: [
        CallGuard,
        {
          provide: GrpcDoor,
          inject: [Config],
          useFactory: ({ environment, http, grpc, shutdownTimeoutMs }: Config) =>
            new GrpcDoor({
              host: http.host,
              port,
              settings: grpc,
              reflection: environment !== 'production',
              closingMs: shutdownTimeoutMs,
            }),
        },
      ],
      exports: [GrpcDoor, CallGuard],
    };
  }

  /** Before anything that calls need. */
  async onModuleDestroy(): Promise<void> {
    await this.door.close();
  }
}
