import cluster, { type Worker } from 'node:cluster';
import type { PinoLogger } from './common/logger.js';
import { parseReport, type Order, type StartOrder } from './cluster-messages.js';

/** Times that it may be killed before it was ever ready; more make a start fail, as an end of its own does at once. */
const TRIES = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** A process that has lived so long was not started in vain. */
const LIVED_MS = 30_000;

interface Question {
  readonly answer: (ok: boolean) => void;
}

/** One place in a cluster: a process, and after its death the next one. */
export class ClusterProcess {
  private worker: Worker | null = null;
  private readyAt: number | null = null;
  private everReady = false;
  /** Short lives in a row. */
  private failures = 0;
  private stopping = false;
  private pause: NodeJS.Timeout | undefined;
  private settle: { ready: () => void; failed: (error: Error) => void } | undefined;
  private readonly questions = new Map<number, Question>();
  private asked = 0;
  private address: string | null = null;

  constructor(
    readonly name: string,
    private readonly order: StartOrder,
    private readonly logger: PinoLogger,
  ) {}

  get role(): StartOrder['role'] {
    return this.order.role;
  }

  /** Where it serves, once it does. */
  get url(): string | null {
    return this.address;
  }

  /** Resolves when it does its work. @throws Error where it could not start */
  start(): Promise<void> {
    return new Promise((ready, failed) => {
      this.settle = { ready, failed };
      this.launch();
    });
  }

  /** `SIGTERM`, and `SIGKILL` after `boundMs`. Idempotent. */
  async stop(boundMs: number): Promise<void> {
    this.stopping = true;
    clearTimeout(this.pause);
    const { worker } = this;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.process.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.logger.error(`${this.name} did not finish in time and is killed`, 'stop');
      worker.process.kill('SIGKILL');
    }, boundMs);
    await ended;
    clearTimeout(timer);
  }

  /** Whether the process says that it can do its work; rejects where it does not, or is not there. */
  async check(signal: AbortSignal): Promise<void> {
    const { worker } = this;
    if (worker === null || this.readyAt === null) throw new Error(`${this.name} is not ready`);
    const id = ++this.asked;
    const ok = await new Promise<boolean>((answer) => {
      this.questions.set(id, { answer });
      signal.addEventListener('abort', () => answer(false), { once: true });
      this.tell(worker, { kind: 'health', id });
    });
    this.questions.delete(id);
    if (!ok) throw new Error(`${this.name} cannot do its work`);
  }

  private launch(): void {
    const worker = cluster.fork();
    this.worker = worker;
    worker.on('message', (message: unknown) => this.hear(worker, message));
    worker.on('error', (error) =>
      this.logger.warn({ message: `${this.name} does not listen`, err: error }, 'cluster'),
    );
    worker.once('exit', (code, signal) => this.ended(code, signal));
  }

  private hear(worker: Worker, message: unknown): void {
    const report = parseReport(message);
    switch (report?.kind) {
      case undefined:
        return;
      case 'here':
        return this.tell(worker, this.order);
      case 'ready':
        return this.isReady(report.url);
      case 'health':
        return this.questions.get(report.id)?.answer(report.ok);
    }
  }

  private isReady(url: string | null): void {
    this.address = url;
    this.readyAt = performance.now();
    const message = `${this.name} is ${this.everReady ? 'back' : 'ready'}`;
    this.logger.log({ message, processId: this.worker?.process.pid }, 'cluster');
    this.everReady = true;
    this.settle?.ready();
  }

  private ended(code: number, signal: string | null): void {
    this.worker = null;
    const lived = this.readyAt !== null && performance.now() - this.readyAt > LIVED_MS;
    this.failures = lived ? 0 : this.failures + 1;
    this.readyAt = null;
    for (const { answer } of this.questions.values()) answer(false);
    if (this.stopping) return;
    const how = signal ?? `code ${code}`;
    if (!this.everReady && (signal === null || this.failures >= TRIES)) {
      this.settle?.failed(new Error(`${this.name} could not start (${how}). Its own lines above say why.`));
      return;
    }
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, this.failures - 1));
    this.logger.warn(`${this.name} ended (${how}); another takes its place in ${pauseMs} ms`, 'cluster');
    this.pause = setTimeout(() => this.launch(), pauseMs);
  }

  /** What does not arrive was for a process that is dying: its end is noticed by itself. */
  private tell(worker: Worker, order: Order): void {
    worker.send(order, () => undefined);
  }
}
