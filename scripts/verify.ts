import { parseArgs } from 'node:util';
import type { InvariantReport } from '../src/booking/ledger/types.js';
import { loadConfig } from '../src/config/load.js';
import { startEmbedded } from '../src/database/embedded/embedded-postgres.js';
import { findPlace } from '../src/database/embedded/folder.js';
import { checkInvariants, INVARIANTS, RULES } from './ledger-check.js';

/** Exit codes: 0 all hold, 1 one is broken, 2 they could not be checked. */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'boolean' } } });
  const json = values.json === true;
  const config = loadConfig(process.env);
  const report = await onDatabase(config.database.url, config.dataDir, (url) => checkInvariants(url, config));
  const ok = INVARIANTS.every((name) => report[name].ok);
  process.stdout.write(json ? `${JSON.stringify({ ok, invariants: report })}\n` : render(report, ok));
  return ok ? 0 : 1;
}

/** The database that the application would use. The embedded one is joined where it runs, else started meanwhile. */
async function onDatabase<T>(
  url: string | null,
  dataDir: string,
  work: (url: string) => Promise<T>,
): Promise<T> {
  if (url !== null) return work(url);
  if ((await findPlace(dataDir)) === null) {
    throw new Error(
      `There is no database in ${dataDir} yet: set DATABASE_URL, or DATA_DIR to the folder of one`,
    );
  }
  const embedded = await startEmbedded({ dataDir });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop();
  }
}

function render(report: InvariantReport, ok: boolean): string {
  const lines = INVARIANTS.flatMap((name) => {
    const { ok: holds, checked, violations } = report[name];
    return [
      `${holds ? 'ok    ' : 'BROKEN'} ${name}  ${RULES[name]} (${checked} checked)`,
      ...violations.map((violation) => `         ${violation}`),
    ];
  });
  return `${lines.join('\n')}\n${ok ? 'ok: every invariant holds' : 'BROKEN'}\n`;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `The invariants could not be checked: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 2;
}
