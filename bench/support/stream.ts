import { setTimeout as sleep } from 'node:timers/promises';

/** Work at a steady rate, never more at once than a bound; it can be held up until all of it is done. */
export class Stream {
  finished = 0;
  failures: string[] = [];
  private started = 0;
  private readonly running = new Set<Promise<void>>();
  private readonly everyMs: number;

  constructor(
    perSecond: number,
    private readonly atOnce: number,
    private readonly work: (number: number) => Promise<void>,
  ) {
    this.everyMs = 1000 / perSecond;
  }

  /** Runs for so long, then waits for what is under way. What could not be started in time is left out. */
  async run(ms: number): Promise<void> {
    const begun = performance.now();
    for (let next = begun; next < begun + ms; next += this.everyMs) {
      await sleep(Math.max(0, next - performance.now()));
      if (this.running.size < this.atOnce) this.startOne();
    }
    await Promise.all(this.running);
  }

  private startOne(): void {
    this.started += 1;
    const one = this.work(this.started)
      .then(() => void (this.finished += 1))
      .catch((error: unknown) => void this.failures.push(String(error)))
      .finally(() => this.running.delete(one));
    this.running.add(one);
  }
}
