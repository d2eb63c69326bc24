import { Global, Logger, Module, type DynamicModule } from '@nestjs/common';
import { Config } from '../config/config.js';
import { SharedLevels } from '../security/rate-limit/shared-levels.js';
import { SecretStore } from '../security/secret-store.js';
import { Database } from './database.js';
import { DoorDatabase } from './door-database.js';
import { DatabaseUrl } from './database-url.js';
import { StoredLevels } from './shared-levels.js';
import { Settings, StoredSecret } from './settings.js';

const logger = new Logger('database');
const warn = (error: Error): void => logger.warn(`an idle connection broke: ${error.message}`);

/** The connections of this process to a database that is there and up to date. */
@Global()
@Module({})
export class DatabaseModule {
  constructor(
    private readonly database: Database,
    private readonly door: DoorDatabase,
  ) {}

  static at(url: string): DynamicModule {
    return {
      module: DatabaseModule,
      providers: [
        { provide: DatabaseUrl, useValue: { value: url } satisfies DatabaseUrl },
        {
          provide: Database,
          inject: [Config],
          useFactory: ({ database }: Config) => new Database(url, database.poolSize, warn),
        },
        { provide: DoorDatabase, useFactory: () => new DoorDatabase(url, warn) },
        {
          provide: SecretStore,
          inject: [Database],
          useFactory: (database: Database) => new StoredSecret(new Settings(database)),
        },
        {
          provide: SharedLevels,
          inject: [Database],
          useFactory: (database: Database) => new StoredLevels(database),
        },
      ],
      exports: [DatabaseUrl, Database, DoorDatabase, SecretStore, SharedLevels],
    };
  }

  /** Last: whatever drains still writes. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.database.close(), this.door.close()]);
  }
}
