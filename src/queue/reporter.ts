import type { LoggerService } from '@nestjs/common';

const QUIET_MS = 5000;

/**
 * Logs what went wrong and was survived. The same trouble is logged once in five seconds: a broker that is away
 * makes the same error many times a second. It is the same where no more than words with a digit differ: ids, offsets.
 */
export function reporter(log: Pick<LoggerService, 'warn'>): (what: string, error: unknown) => void {
  const saidAt = new Map<string, number>();
  return (what, error) => {
    const line = `${what}: ${describe(error)}`;
    const now = Date.now();
    const kind = line.replace(/\S*\d\S*/g, '#');
    if (now - (saidAt.get(kind) ?? 0) < QUIET_MS) return;
    if (saidAt.size > 100) saidAt.clear();
    saidAt.set(kind, now);
    log.warn(line);
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return `${error.message || error.name}${code}`;
}
