import { AggregatorRegistry } from 'prom-client';
import { parseOrder, type Report, type StartOrder } from './cluster-messages.js';
import { createLogger, type PinoLogger } from './common/logger.js';
import type { Config } from './config/config.js';
import { createApp, openDoors } from './configure-app.js';
import { live, type Opened } from './lifetime.js';
import { Health } from './metrics/health.js';
import { atPort } from './port.js';

/** A primary of ours answers within a moment. */
const ORDER_MS = 10_000;

/**
 * A process that a primary has forked: it does what that one orders, and ends with it.
 * @param boundMs how long it may take to end
 */
export async function runPart(config: Config, boundMs: number): Promise<void> {
  // From here on the primary's scrape has its answer from this process, be it that it has nothing to tell yet.
  void new AggregatorRegistry();
  const { role, port, grpcPort, databaseUrl } = await startOrder();
  const own: Config = { ...atPort(config, { http: port, grpc: grpcPort }), role };
  const logger = createLogger(own);
  try {
    await live(logger, boundMs, (opened) => start(own, databaseUrl, logger, opened));
  } catch (error) {
    logger.error({ message: 'could not start', err: error }, 'start');
    // The channel to the primary would keep it alive.
    process.exit(1);
  }
}

async function start(config: Config, databaseUrl: string, logger: PinoLogger, opened: Opened): Promise<void> {
  const app = await createApp(config, databaseUrl, logger);
  opened.add(() => app.close());
  if (config.role === 'worker') await app.init();
  else await openDoors(app, config);
  answerHealth(app.get(Health, { strict: false }));
  report({ kind: 'ready', url: config.role === 'worker' ? null : await app.getUrl() });
}

function startOrder(): Promise<StartOrder> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new Error(
          'Nobody said what to do: with API_PROCESSES above 1 Fairline forks its processes itself, and must not ' +
            "be forked by another program's cluster. Set API_PROCESSES=1 there.",
        ),
      );
    }, ORDER_MS);
    const listen = (message: unknown): void => {
      const order = parseOrder(message);
      if (order?.kind !== 'start') return;
      clearTimeout(timer);
      process.off('message', listen);
      resolve(order);
    };
    process.on('message', listen);
    report({ kind: 'here' });
  });
}

function answerHealth(health: Health): void {
  process.on('message', (message: unknown) => {
    const question = parseOrder(message);
    if (question?.kind !== 'health') return;
    const answer = (ok: boolean): void => report({ kind: 'health', id: question.id, ok });
    health.ready().then(
      ({ status }) => answer(status === 200),
      () => answer(false),
    );
  });
}

/** Where the primary is gone, so is this process in a moment. */
function report(message: Report): void {
  process.send?.(message, undefined, undefined, () => undefined);
}
