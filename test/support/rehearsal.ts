import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand, type CommandResult } from './run-command.js';

const PROGRAM = 'scripts/rehearse/main.js';

/** @param line its options, as they are typed */
export const rehearse = (line: string): Promise<CommandResult> => runCommand(PROGRAM, line.split(' '));

/** The last thing on stdout. What went wrong is shown, should the test fail. */
export function documentOf({ stdout, stderr }: CommandResult): Record<string, unknown> {
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`no document: ${stdout}\n${stderr}`);
  return Object.fromEntries(Object.entries(JSON.parse(last)));
}

/** How often what was killed. */
export function kills(report: Record<string, unknown>): Record<string, number> {
  const given = report['kills'];
  return typeof given === 'object' && given !== null
    ? Object.fromEntries(Object.entries(given).map(([name, count]) => [name, Number(count)]))
    : {};
}

const NOBODY_PAYS = '--clients 50 --stock 5 --no-show 1 --decline 0 --leave 0 --hold-seconds 60'.split(' ');
const CLEARED_WITHIN_MS = 20_000;

/** One that was ended by a signal once it played, and what is left of it in its folder a while later. */
export async function ended(
  signal: NodeJS.Signals,
): Promise<CommandResult & { readonly left: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'fairline-ended-'));
  // The database may run as another user, who must be able to pass through.
  await chmod(folder, 0o755);
  try {
    const result = await runCommand(PROGRAM, NOBODY_PAYS, { TMPDIR: folder }, (kill, heard) => {
      void heard('answered 50/50').then(() => kill(signal));
    });
    const end = Date.now() + (signal === 'SIGKILL' ? CLEARED_WITHIN_MS : 0);
    while (Date.now() < end && (await readdir(folder)).length > 0) await sleep(200);
    return { ...result, left: await readdir(folder) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
