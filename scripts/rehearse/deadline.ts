import type { Options } from './options.js';

/**
 * Seconds that a rehearsal may take before whoever is not settled counts as stuck: several times what it needs
 * on a slow machine, so that reaching it means that something hangs.
 */
export function deadlineSeconds(options: Options): number {
  if (options.timeoutSeconds !== null) return options.timeoutSeconds;
  const flood = options.clients / 100;
  const holds = rounds(options) * (options.holdSeconds + 3);
  const steps = (options.stepSeconds ?? []).reduce((sum, seconds) => sum + seconds, 0);
  const concurrency = options.workers * 16;
  const fulfilment = (options.stock / concurrency) * steps + options.stock / 20;
  const kills = options.killApis || options.killWorkers || options.killBroker ? 3 : 1;
  return Math.ceil(90 + 2 * kills * (flood + holds + fulfilment + rounds(options) * steps));
}

/** How often a ticket is offered again until somebody pays for it, at most. */
function rounds(options: Options): number {
  const lost = Math.min(0.99, options.noShow + options.leave + options.decline);
  const untilSold = lost === 0 ? 1 : Math.ceil(Math.log(options.stock + 1) / -Math.log(lost)) + 1;
  return Math.min(untilSold, Math.ceil(options.clients / options.stock));
}
