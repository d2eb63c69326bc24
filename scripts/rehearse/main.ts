import { randomInt } from 'node:crypto';
import { parseOptions, USAGE, UsageError, type Options } from './options.js';
import { rehearse } from './rehearsal.js';
import { render } from './report.js';
import { borrowedStage, ownStage } from './stage.js';

/** Exit codes: 0 all held, 1 something was broken or left open, 2 it could not be rehearsed. */
async function main(options: Options): Promise<number> {
  const say = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
  say(
    `rehearsal of ${options.clients} clients for ${options.kind === 'hotel' ? `${options.rooms} rooms and ${options.nights} nights` : `${options.stock} tickets`}, seed ${options.seed}`,
  );
  const stage = options.server === null ? await ownStage(options, say) : borrowedStage(options.server);
  try {
    const { report, verdicts } = await rehearse(options, stage, process.stderr, endedFromOutside());
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `\n${render(report, verdicts)}`);
    if (options.keep && stage.folder !== null) say(`kept in ${stage.folder}`);
    return report.ok ? 0 : 1;
  } finally {
    await stage.close();
  }
}

/** Aborted by Ctrl-C and by mistakes of our own; a second signal does not cut the cleaning short. */
function endedFromOutside(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => controller.abort(new Error(`ended by ${signal}`)));
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => controller.abort(error));
  }
  return controller.signal;
}

/** Its message, and those of what caused it. */
function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${inWords(error.cause)}`;
}

try {
  process.exitCode = await main(parseOptions(process.argv.slice(2), randomInt(4294967296)));
} catch (error) {
  const usage = error instanceof UsageError ? `\n\n${USAGE}` : '';
  process.stderr.write(`${inWords(error)}${usage}\n`);
  process.exitCode = 2;
}
