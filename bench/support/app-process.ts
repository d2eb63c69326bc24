import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface AppOptions {
  /** The compiled `src/main.js`. */
  readonly main: string;
  readonly args: readonly string[];
  /** Options of node itself. */
  readonly nodeArgs?: readonly string[];
  /** All that the process knows: nothing of the caller's environment reaches it. */
  readonly env: Readonly<Record<string, string>>;
}

export type LogLine = Readonly<Record<string, unknown>>;

const START_MS = 120_000;
const STOP_MS = 45_000;
const LINES_KEPT = 2000;

/** One process of the application, started as a user would, that is known by the lines it logs. */
export class AppProcess {
  /** The last lines, oldest first. */
  readonly lines: LogLine[] = [];
  /** What it wrote to stderr. */
  errors = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  private readonly watchers = new Set<() => void>();

  private constructor({ main, args, nodeArgs = [], env }: AppOptions) {
    this.child = spawn(process.execPath, [...nodeArgs, '--enable-source-maps', main, ...args], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => resolve(code));
      this.child.once('error', () => resolve(null));
    });
    void this.ended.then(() => this.look());
    if (this.child.stdout !== null) {
      createInterface({ input: this.child.stdout }).on('line', (text) => this.note(text));
    }
    this.child.stderr?.on(
      'data',
      (chunk: Buffer) => (this.errors = (this.errors + chunk.toString()).slice(-4000)),
    );
  }

  /** Resolves when it listens. @throws Error with the end of its log where it ends before */
  static async start(options: AppOptions): Promise<AppProcess> {
    const app = new AppProcess(options);
    try {
      await app.heard((line) => line['event'] === 'listening', START_MS);
    } catch (error) {
      await app.kill();
      throw error;
    }
    return app;
  }

  /** Runs one that is expected to end by itself. @returns its exit code */
  static async runToEnd(
    options: AppOptions,
  ): Promise<{ readonly code: number | null; readonly app: AppProcess }> {
    const app = new AppProcess(options);
    return { code: await app.ended, app };
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Base address of its HTTP server. */
  get url(): string {
    return String(this.listening['url']);
  }

  get metricsUrl(): string {
    return String(this.listening['metricsUrl']);
  }

  /** The first line, already there or to come, that fits. @throws Error where it ends or `withinMs` is over */
  heard(fits: (line: LogLine) => boolean, withinMs: number): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.watchers.delete(look);
      };
      const look = (): void => {
        const line = this.lines.find(fits);
        if (line === undefined && !this.isOver) return;
        done();
        if (line === undefined) reject(new Error(`The process ended: ${this.story()}`));
        else resolve(line);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`The process did not say it in ${withinMs} ms: ${this.story()}`));
      }, withinMs);
      this.watchers.add(look);
      look();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** `SIGKILL`, as a power cut would. Resolves once it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** `SIGTERM`. @returns its exit code; null where it had to be killed. Idempotent */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }

  private get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private get listening(): LogLine {
    return this.lines.find((line) => line['event'] === 'listening') ?? {};
  }

  private note(text: string): void {
    this.lines.push(parsed(text));
    // The first ones say where it listens.
    if (this.lines.length > LINES_KEPT) this.lines.splice(100, LINES_KEPT / 2);
    this.look();
  }

  private look(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  private story(): string {
    return `${this.lines
      .slice(-20)
      .map((line) => JSON.stringify(line))
      .join('\n')}\n${this.errors}`;
  }
}

function parsed(text: string): LogLine {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : { message: text };
  } catch {
    return { message: text };
  }
}
