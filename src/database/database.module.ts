import { Global, Logger, Module, type DynamicModule } from '@nestjs/common';
import { Config } from '../config/config.js';
import { SecretStore } from '../security/secret-store.js';
import { Database } from './database.js';
import { DatabaseUrl } from './database-url.js';
import { Settings, StoredSecret } from './settings.js';

const logger = new Logger('database');

/** The connections of this process to a database that is there and up to date. */
@Global()
@Module({})
export class DatabaseModule {
  constructor(private readonly database: Database) {}

  static at(url: string): DynamicModule {
    return {
      module: DatabaseModule,
      providers: [
        { provide: DatabaseUrl, useValue: { value: url } satisfies DatabaseUrl },
        {
          provide: Database,
          inject: [Config],
          useFactory: ({ database }: Config) =>
            new Database(url, database.poolSize, (error) =>
              logger.warn(`an idle connection broke: ${error.message}`),
            ),
        },
        {
          provide: SecretStore,
          inject: [Database],
          useFactory: (database: Database) => new StoredSecret(new Settings(database)),
        },
      ],
      exports: [DatabaseUrl, Database, SecretStore],
    };
  }

  /** Last: whatever drains still writes. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
