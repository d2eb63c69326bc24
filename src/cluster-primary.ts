import cluster from 'node:cluster';
import { Logger } from '@nestjs/common';
import { ClusterProcess } from './cluster-process.js';
import type { StartOrder } from './cluster-messages.js';
import type { PinoLogger } from './common/logger.js';
import type { Config } from './config/config.js';
import type { Opened } from './lifetime.js';
import type { HealthParts } from './metrics/health.js';
import { startClusterMonitor } from './metrics/monitor.js';
import { startDatabase } from './start-database.js';
import { welcome } from './welcome.js';

/**
 * `API_PROCESSES` api processes on one port and, in the role `all`, a worker process; all forked by this one, which
 * keeps them alive and serves their metrics and health together, and itself answers nobody.
 * @param config with a port that is not 0: all must agree on it, also those that are started later
 * @param partMs how long a process may take to end
 */
export async function startCluster(
  config: Config,
  logger: PinoLogger,
  opened: Opened,
  partMs: number,
): Promise<void> {
  // Nest writes through it here as well, where no application says so.
  Logger.overrideLogger(logger);
  const database = await startDatabase(config, logger, opened);
  const order = { databaseUrl: database.url, port: config.http.port, grpcPort: config.grpc.port };
  const processes = members(config, order, logger);

  const monitor = await startClusterMonitor(
    { host: config.http.host, port: config.prometheusPort },
    config,
    partsOf(processes),
  );
  opened.add(() => monitor.close());
  // Each connection to the next process in turn: left to the kernel, a few would get most of the sockets.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  opened.add(async () => {
    await Promise.all(processes.map((part) => part.stop(partMs)));
  });
  await Promise.all(processes.map((part) => part.start()));

  const url = processes.map((part) => part.url).find((found) => found !== null);
  logger.log(
    { message: 'ready', event: 'listening', url, metricsUrl: monitor.url, processes: processes.length },
    'start',
  );
  if (database.embedded && url !== undefined) {
    await welcome(config, database.url, url, (message) => logger.log(message, 'start'));
  }
}

function members(
  { role, http }: Config,
  order: Omit<StartOrder, 'kind' | 'role'>,
  logger: PinoLogger,
): ClusterProcess[] {
  const place = (name: string, of: StartOrder['role']): ClusterProcess =>
    new ClusterProcess(name, { kind: 'start', role: of, ...order }, logger);
  return [
    ...Array.from({ length: http.apiProcesses }, (_, index) => place(`api process ${index + 1}`, 'api')),
    ...(role === 'all' ? [place('the worker process', 'worker')] : []),
  ];
}

/** Ready while one process of each kind is: the others are being started again. */
function partsOf(processes: readonly ClusterProcess[]): HealthParts {
  const anyOf =
    (role: StartOrder['role']) =>
    async (signal: AbortSignal): Promise<void> => {
      const asked = processes.filter((part) => part.role === role).map((part) => part.check(signal));
      await Promise.any(asked);
    };
  const roles = new Set(processes.map((part) => part.role));
  return { checks: Object.fromEntries([...roles].map((role) => [role, anyOf(role)])) };
}
