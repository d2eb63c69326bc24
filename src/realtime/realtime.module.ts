import { type DynamicModule, Global, Logger, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { DatabaseUrl } from '../database/database-url.js';
import { SocketIoPool } from '../database/socket-io-pool.js';
import { LineReader } from './active-line.js';
import { BoardGateway } from './board.gateway.js';
import { LineHintListener } from './line-hint-listener.js';
import { LineViews } from './line-views.js';

const logger = new Logger('realtime');
/** Outages of the board's connections: they mend themselves, so one line is enough. */
const warn = (error: unknown): void => logger.warn(error instanceof Error ? error.message : String(error));

type Imports = NonNullable<ModuleMetadata['imports']>;

/** Positions from this process' views. Needs `DatabaseUrl` from a global module. */
@Global()
@Module({})
export class LineViewsModule {
  constructor(
    private readonly views: LineViews,
    private readonly hints: LineHintListener,
  ) {}

  /** @param reader the ledger, a provider that one of `imports` or a global module exports */
  static reading(reader: Type<LineReader> | typeof LineReader, imports: Imports = []): DynamicModule {
    return {
      module: LineViewsModule,
      imports,
      providers: [
        {
          provide: LineViews,
          useFactory: (ledger: LineReader) => new LineViews(ledger, warn),
          inject: [reader],
        },
        {
          provide: LineHintListener,
          useFactory: (url: DatabaseUrl, views: LineViews) => new LineHintListener(url.value, views, warn),
          inject: [DatabaseUrl, LineViews],
        },
      ],
      exports: [LineViews, LineHintListener],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    this.views.close();
    await this.hints.close();
  }
}

/**
 * The board's sockets, for roles that serve HTTP; the application must use `BoardIoAdapter`. Needs `Config`,
 * `DatabaseUrl` and `LineViewsModule` from global modules.
 */
@Module({})
export class RealtimeModule {
  /** @param imports what exports `SocketAccess` and `SnapshotReader`, unless global modules do */
  static with(imports: Imports = []): DynamicModule {
    return {
      module: RealtimeModule,
      imports,
      providers: [
        BoardGateway,
        {
          provide: SocketIoPool,
          useFactory: (url: DatabaseUrl) => SocketIoPool.create(url.value),
          inject: [DatabaseUrl],
        },
      ],
      exports: [BoardGateway, SocketIoPool],
    };
  }
}
