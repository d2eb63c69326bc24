import { runCommand, type CommandResult } from './run-command.js';

export const PROGRAM = 'scripts/rehearse/main.js';

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
