import type { PinoLogger } from './common/logger.js';

export type Close = () => Promise<void>;

/** What a start has opened so far; it is closed in the reverse order. */
export class Opened {
  private readonly closers: Close[] = [];

  add(close: Close): void {
    this.closers.push(close);
  }

  /** Closes each, also where one of them fails. Idempotent. @throws the first failure */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.closers.splice(0).reverse()) {
      await close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}

/**
 * Starts a process and, on the first signal, ends it: never half-way through its start, so that nothing is left
 * behind, and never later than `boundMs` after the signal. A start that fails leaves nothing open.
 * Resolves once it has started.
 */
export async function live(
  logger: PinoLogger,
  boundMs: number,
  start: (opened: Opened) => Promise<void>,
): Promise<void> {
  const opened = new Opened();
  const starting = start(opened);
  closeOnSignal(logger, boundMs, async () => {
    await starting;
    await opened.close();
  });
  try {
    await starting;
  } catch (error) {
    await opened
      .close()
      .catch((failure: unknown) => logger.warn({ message: 'could not close', err: failure }));
    throw error;
  }
}

function closeOnSignal(logger: PinoLogger, boundMs: number, close: Close): void {
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
