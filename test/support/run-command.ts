import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The compiled tree that `npm test` built. */
const DIST = process.env['FAIRLINE_DIST'] ?? resolve('dist');

type Kill = (signal: NodeJS.Signals) => void;
/** Resolves when it has said this on stderr. */
type Heard = (words: string) => Promise<void>;

/** Runs a compiled program to its end. `onStart` gets what it takes to end it in the middle. */
export function runCommand(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  onStart: (kill: Kill, heard: Heard) => void = () => {},
): Promise<CommandResult> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [resolve(DIST, program), ...args], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', failed);
    child.once('close', (code) => done({ code, stdout, stderr }));
    const heard: Heard = (words) =>
      new Promise((known) => {
        child.stderr.on('data', () => {
          if (stderr.includes(words)) known();
        });
      });
    onStart((signal) => child.kill(signal), heard);
  });
}
