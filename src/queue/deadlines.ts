/** How late a deadline may be noticed, in ms. */
export const TICK_MS = 25;

export interface Timed {
  /** By `performance.now()`. */
  readonly dueAt: number;
  /** Called at each tick at which it is due, until it is removed or due later. */
  onDue(): void;
}

/** Deadlines of thousands of jobs a second with one coarse timer, which runs only while there is anything to wait for. */
export class Deadlines {
  private readonly waiting = new Set<Timed>();
  private timer: NodeJS.Timeout | null = null;

  add(timed: Timed): void {
    this.waiting.add(timed);
    this.timer ??= setInterval(() => this.tick(), TICK_MS);
  }

  remove(timed: Timed): void {
    this.waiting.delete(timed);
  }

  private tick(): void {
    if (this.waiting.size === 0 && this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
      return;
    }
    const now = performance.now();
    for (const timed of this.waiting) if (timed.dueAt <= now) timed.onDue();
  }
}
