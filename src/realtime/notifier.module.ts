import { Global, Logger, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { DatabaseUrl } from '../database/database-url.js';
import { Metrics } from '../metrics/metrics.js';
import { Remotes } from '../remote/remotes.js';
import { BothNotifiers } from './both-notifiers.js';
import { Notifier } from './notifier.js';
import { PgNotifier } from './pg-notifier.js';
import { RemotePushes } from './remote-pushes.js';

const logger = new Logger('realtime');
/** Outages of the board's connections: they mend themselves, so one line is enough. */
const warn = (error: unknown): void => logger.warn(error instanceof Error ? error.message : String(error));

/**
 * Telling others, without any socket: for every role. Needs `Config`, `DatabaseUrl`, `Remotes` and `Metrics` from global
 * modules.
 */
@Global()
@Module({
  providers: [
    {
      provide: Notifier,
      useFactory: (url: DatabaseUrl, { http }: Config, remotes: Remotes, metrics: Metrics): Notifier => {
        const own = new PgNotifier(url.value, http.publicUrl, warn);
        const caller = remotes.caller('realtime');
        if (caller === null) return own;
        return new BothNotifiers(own, new RemotePushes(caller, (pushes) => metrics.pushesDropped(pushes)));
      },
      inject: [DatabaseUrl, Config, Remotes, Metrics],
    },
  ],
  exports: [Notifier],
})
export class NotifierModule {
  constructor(private readonly notifier: Notifier) {}

  /** After the requests and jobs in hand have told what they did. */
  async onApplicationShutdown(): Promise<void> {
    await this.notifier.close();
  }
}
