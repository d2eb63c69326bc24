/** Lets through what is worth saying once in a while, however often it happens. */
export class Seldom {
  private lastAt = -Infinity;

  /** @param everyMs from one time to the next */
  constructor(private readonly everyMs: number) {}

  /** True the first time, and again once the time is over. */
  isTime(): boolean {
    const now = performance.now();
    if (now - this.lastAt < this.everyMs) return false;
    this.lastAt = now;
    return true;
  }
}
