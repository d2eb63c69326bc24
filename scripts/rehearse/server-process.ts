import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerOptions {
  readonly name: string;
  /** Arguments to node: the program and what follows. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Answers 200 once the process does its work. */
  readonly readyUrl: string;
  readonly logFile: string;
  /** True while what it needs is away, so that it may end instead of coming up. */
  readonly mayEnd: () => boolean;
  /** Told of the process id whenever it changes, so that somebody else can end it should we die. */
  readonly onPid: (pid: number, alive: boolean) => void;
}

const START_MS = 60_000;
const DRAIN_MS = 25_000;
const AGAIN_MS = 500;

/** One process of the application, started again whenever it ends before it is told to. */
export class ServerProcess {
  private child: ChildProcess | null = null;
  private stopping = false;
  private killing = false;
  /** True from where it answers that it is ready to where it ends. */
  up = false;
  kills = 0;
  /** How it ended by itself, if it did. */
  readonly crashes: string[] = [];

  constructor(private readonly options: ServerOptions) {}

  /** Resolves when it is ready. @throws Error with the end of its log where it does not come up. */
  start(): Promise<void> {
    this.spawn();
    return this.ready();
  }

  /** Resolves when the process that runs now is ready. */
  async ready(): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!this.up) {
      if (this.crashes.length > 2 || performance.now() > deadline || this.stopping) {
        const log = (await readFile(this.options.logFile, 'utf8').catch(() => '')).slice(-3000);
        throw new Error(`${this.options.name} did not come up. ${this.crashes.join('. ')}\n${log}`);
      }
      await sleep(50);
    }
  }

  /** `SIGKILL`, as a power cut would; it is started again at once. */
  kill(): void {
    if (this.child === null || this.stopping) return;
    this.kills += 1;
    this.killing = true;
    this.up = false;
    this.child.kill('SIGKILL');
  }

  /** `SIGTERM`, and `SIGKILL` where that takes too long. Idempotent. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { child } = this;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
    await ended;
    clearTimeout(timer);
  }

  private spawn(): void {
    const { args, env, logFile, onPid, name } = this.options;
    const log = openSync(logFile, 'a');
    // A group of its own: Ctrl-C reaches the rehearsal alone, which then stops what it started in order.
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    this.child = child;
    if (child.pid !== undefined) onPid(child.pid, true);
    child.once('error', (error) => this.crashes.push(`${name}: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (child.pid !== undefined) onPid(child.pid, false);
      this.ended(code, signal);
    });
    void this.watchReadiness(child);
  }

  private ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.up = false;
    this.child = null;
    if (this.stopping) return;
    if (!this.killing && !this.options.mayEnd())
      this.crashes.push(`${this.options.name} ended by itself (${signal ?? `code ${code}`})`);
    this.killing = false;
    if (this.crashes.length < 3) void this.spawnAgain();
  }

  /** At once; where what it needs is away it would end at once as well, and tries a little later. */
  private async spawnAgain(): Promise<void> {
    if (this.options.mayEnd()) await sleep(AGAIN_MS);
    if (!this.stopping) this.spawn();
  }

  private async watchReadiness(child: ChildProcess): Promise<void> {
    while (this.child === child) {
      const answer = await fetch(this.options.readyUrl, { signal: AbortSignal.timeout(2000) }).catch(
        () => null,
      );
      await answer?.body?.cancel();
      if (this.child !== child) return;
      if (answer?.status === 200) {
        this.up = true;
        return;
      }
      await sleep(100);
    }
  }
}

/**
 * Kills one of them each second, in turn. It passes over those that have not come up again, and leaves one of several
 * up: starting costs seconds of a core, and where all only ever start, nothing is rehearsed but starting.
 */
export class Killer {
  private timer: NodeJS.Timeout | null = null;
  private next = 0;

  constructor(
    private readonly servers: readonly ServerProcess[],
    /** What cannot start again now is not killed. */
    private readonly mayStrike: () => boolean = () => true,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => this.strike(), 1000);
  }

  /** Idempotent. */
  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private strike(): void {
    if (!this.mayStrike()) return;
    const { servers } = this;
    const up = servers.filter((server) => server.up).length;
    if (up === 0 || (up === 1 && servers.length > 1)) return;
    for (;;) {
      const server = servers[this.next++ % servers.length];
      if (server?.up !== true) continue;
      server.kill();
      return;
    }
  }
}
