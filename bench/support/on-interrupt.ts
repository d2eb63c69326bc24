const cleanUps = new Set<() => Promise<unknown>>();
let isListening = false;

/**
 * Whatever was registered is cleaned up, the latest first, where the process is told to end; then it ends with code 2.
 * @returns the clean-up, which runs once and is forgotten
 */
export function onInterrupt(cleanUp: () => Promise<unknown>): () => Promise<void> {
  let running: Promise<unknown> | null = null;
  const once = (): Promise<unknown> => (running ??= cleanUp());
  cleanUps.add(once);
  listen();
  return async () => {
    await once();
    cleanUps.delete(once);
  };
}

function listen(): void {
  if (isListening) return;
  isListening = true;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void endAll());
}

async function endAll(): Promise<never> {
  // what fails because its server has ended is no news, and must not end us before all is cleaned up
  process.on('uncaughtException', () => undefined);
  for (const cleanUp of [...cleanUps].reverse()) {
    await cleanUp().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  }
  process.exit(2);
}
