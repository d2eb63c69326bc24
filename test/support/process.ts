import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './app.js';

type Json = ReturnType<typeof JSON.parse>;

/** The compiled tree that `npm test` built. */
const DIST = process.env['FAIRLINE_DIST'] ?? resolve('dist');
const START_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One process of the application, as an operator starts it: nothing of this process's environment but the path. */
export class AppProcess {
  /** What it has logged, a line each. */
  readonly lines: string[] = [];
  stderr = '';
  readonly ended: Promise<Ended>;

  private constructor(private readonly child: ChildProcess) {
    this.ended = new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })));
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(line));
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  static spawn(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    cwd = process.cwd(),
  ): AppProcess {
    const child = spawn(process.execPath, [resolve(DIST, 'src/main.js'), ...args], {
      cwd,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AppProcess(child);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Log lines that are JSON, parsed. */
  get records(): Json[] {
    return this.lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  }

  /** The line that says where it listens. @throws Error with what it said where it ends before */
  async listening(): Promise<{ url: string; metricsUrl: string }> {
    return eventually(
      'the process listening',
      async () => {
        if (!this.isRunning) throw new Error(`it ended: ${this.stderr}\n${this.lines.slice(-20).join('\n')}`);
        return this.records.find(({ event }) => event === 'listening') ?? null;
      },
      START_MS,
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it as a supervisor would. Idempotent. */
  async stop(): Promise<Ended> {
    if (this.isRunning) this.child.kill('SIGTERM');
    return this.ended;
  }
}
