/** Work that is done again and again, never twice at once, each time so long after it ended. */
export class Chore {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private readonly aborter = new AbortController();

  constructor(
    private readonly everyMs: number,
    private readonly work: (signal: AbortSignal) => Promise<unknown>,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** The first time at once. */
  start(): void {
    this.schedule(0);
  }

  /** The next time now. While it runs, or before it was started: as it would have come. */
  hasten(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.schedule(0);
  }

  /** Idempotent; resolves once the work under way is over. */
  async stop(): Promise<void> {
    this.aborter.abort();
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(inMs: number): void {
    if (this.aborter.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.running = this.run().finally(() => this.schedule(this.everyMs));
    }, inMs);
  }

  private async run(): Promise<void> {
    try {
      await this.work(this.aborter.signal);
    } catch (error) {
      if (!this.aborter.signal.aborted) this.failed(error);
    }
  }
}
