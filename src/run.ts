import { ROUTINES } from './booking/ledger/ledger.js';
import type { PinoLogger } from './common/logger.js';
import type { Config } from './config/config.js';
import { createApp } from './configure-app.js';
import { startEmbedded } from './database/embedded/embedded-postgres.js';
import { migrate } from './database/migrate.js';
import { Health } from './metrics/health.js';
import { startMonitor } from './metrics/monitor.js';
import { welcome } from './welcome.js';

/** Beyond the time that jobs get to end, for everything else to close. */
const CLOSING_MS = 10_000;

/** One process of the system, from start to its last breath. Resolves once it listens. */
export async function run(config: Config, logger: PinoLogger): Promise<void> {
  const log = (message: string): void => logger.log(message, 'start');
  const embedded =
    config.database.url === null ? await startEmbedded({ dataDir: config.dataDir, log }) : null;
  if (embedded?.notice != null) logger.warn(embedded.notice, 'start');
  const databaseUrl = embedded?.url ?? config.database.url ?? '';
  await migrate(databaseUrl, ROUTINES);

  const app = await createApp(config, databaseUrl, logger);
  if (config.role === 'worker') await app.init();
  else await app.listen(config.http.port, config.http.host);
  const monitor = await startMonitor(
    { host: config.http.host, port: config.prometheusPort },
    app.get(Health, { strict: false }),
  );
  const url = config.role === 'worker' ? undefined : await app.getUrl();
  logger.log({ message: 'ready', event: 'listening', url, metricsUrl: monitor.url }, 'start');
  if (embedded !== null && url !== undefined) await welcome(app, config, url, log);

  closeOnSignal(logger, config.shutdownTimeoutMs + CLOSING_MS, async () => {
    await app.close();
    await monitor.close();
    await embedded?.stop();
  });
}

function closeOnSignal(logger: PinoLogger, boundMs: number, close: () => Promise<void>): void {
  let closing = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (closing) return;
    closing = true;
    logger.log(`${signal}: finishing what is under way`, 'stop');
    // Whatever hangs, the process is gone within its bound: what it held is handed to others by lease and fence.
    setTimeout(() => {
      logger.error('did not finish in time', 'stop');
      process.exit(1);
    }, boundMs).unref();
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ message: 'could not close', err: error }, 'stop');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
}
