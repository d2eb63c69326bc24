import { Global, Module, type DynamicModule } from '@nestjs/common';
import { GrpcDoor } from './grpc-door.js';
import { RateLimiterRpc } from './rate-limiter.rpc.js';
import { CallGuard } from './rpc.js';

/** The gRPC server, and what serves calls without knowing of bookings. Needs `Config` and limits from global modules. */
@Global()
@Module({})
export class GrpcModule {
  constructor(private readonly door: GrpcDoor) {}

  static with(door: GrpcDoor): DynamicModule {
    return {
      module: GrpcModule,
      controllers: [RateLimiterRpc],
      providers: [CallGuard, { provide: GrpcDoor, useValue: door }],
      exports: [GrpcDoor, CallGuard],
    };
  }

  /** Before anything that calls need. */
  async onModuleDestroy(): Promise<void> {
    await this.door.close();
  }
}
