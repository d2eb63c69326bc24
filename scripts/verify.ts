import { parseArgs } from 'node:util';
import type { InvariantReport } from '../src/booking/ledger/types.js';
import { loadConfig } from '../src/config/load.js';
import { anchorsOf } from './support/anchors.js';
import { checkInvariants, INVARIANTS, RULES } from './ledger-check.js';
import { onDatabase } from './support/on-database.js';

/**
 * Exit codes: 0 all hold, 1 one is broken, 2 they could not be checked. `--anchor <sequence>:<digest>` names a head of
 * the audit chain that must be part of it, `--anchors <file>` a file that has some: the logs of the workers, say. Both
 * may be given several times.
 */
async function main(): Promise<number> {
  const several = { type: 'string', multiple: true } as const;
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, anchor: several, anchors: several },
  });
  const json = values.json === true;
  const anchors = await anchorsOf(values.anchor ?? [], values.anchors ?? []);
  const config = loadConfig(process.env);
  const report = await onDatabase(config.database.url, config.dataDir, (url) =>
    checkInvariants(url, config, anchors),
  );
  const ok = INVARIANTS.every((name) => report[name].ok);
  process.stdout.write(
    json ? `${JSON.stringify({ ok, invariants: report })}\n` : render(report, ok, anchors.length),
  );
  return ok ? 0 : 1;
}

function render(report: InvariantReport, ok: boolean, anchors: number): string {
  const lines = INVARIANTS.flatMap((name) => {
    const { ok: holds, checked, violations, notes } = report[name];
    return [
      `${holds ? 'ok    ' : 'BROKEN'} ${name}  ${RULES[name]} (${checked} checked)`,
      ...[...violations, ...notes].map((words) => `         ${words}`),
    ];
  });
  if (anchors > 0)
    lines.push(
      `       F6  was compared with ${anchors} ${anchors === 1 ? 'anchor' : 'anchors'} of the audit chain`,
    );
  const isReserved = INVARIANTS.some((name) => report[name].notes.length > 0);
  const holds = `ok: every invariant holds${isReserved ? ', with a reservation: see above' : ''}`;
  return `${lines.join('\n')}\n${ok ? holds : 'BROKEN'}\n`;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `The invariants could not be checked: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 2;
}
