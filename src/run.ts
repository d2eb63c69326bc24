import cluster from 'node:cluster';
import { runPart } from './cluster-part.js';
import { startCluster } from './cluster-primary.js';
import type { PinoLogger } from './common/logger.js';
import type { Config } from './config/config.js';
import { createApp, openDoors } from './configure-app.js';
import { live, type Opened } from './lifetime.js';
import { Health } from './metrics/health.js';
import { startMonitor, type Monitor } from './metrics/monitor.js';
import { withPort } from './port.js';
import { startDatabase } from './start-database.js';
import { welcome } from './welcome.js';

/** Beyond the time that jobs get to end, for everything else to close. */
const CLOSING_MS = 10_000;
/** A primary leaves its processes their whole time, and needs a little itself. */
const PRIMARY_CLOSING_MS = CLOSING_MS + 5000;

/** The system in this process, or in this one and those that it forks. Resolves once it listens. */
export async function run(configured: Config, logger: PinoLogger): Promise<void> {
  const config = await withPort(configured);
  const partMs = config.shutdownTimeoutMs + CLOSING_MS;
  if (config.role === 'worker' || config.http.apiProcesses === 1) {
    await live(logger, partMs, (opened) => startAlone(config, logger, opened));
  } else if (cluster.isPrimary) {
    const wholeMs = config.shutdownTimeoutMs + PRIMARY_CLOSING_MS;
    await live(logger, wholeMs, (opened) => startCluster(config, logger, opened, partMs));
  } else {
    await runPart(config, partMs);
  }
}

/** One process that is all of its role. */
async function startAlone(config: Config, logger: PinoLogger, opened: Opened): Promise<void> {
  const database = await startDatabase(config, logger, opened);
  // Closed after the application: a supervisor wants to see a process drain.
  const monitors: Monitor[] = [];
  opened.add(async () => {
    await Promise.all(monitors.map((monitor) => monitor.close()));
  });

  const app = await createApp(config, database.url, logger);
  opened.add(() => app.close());
  if (config.role === 'worker') await app.init();
  else await openDoors(app, config);
  const at = { host: config.http.host, port: config.prometheusPort };
  const monitor = await startMonitor(at, app.get(Health, { strict: false }));
  monitors.push(monitor);
  const url = config.role === 'worker' ? undefined : await app.getUrl();
  logger.log({ message: 'ready', event: 'listening', url, metricsUrl: monitor.url }, 'start');
  if (database.embedded && url !== undefined) {
    await welcome(config, database.url, url, (message) => logger.log(message, 'start'));
  }
}
