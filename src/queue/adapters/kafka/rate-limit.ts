/** At most `max` starts in any `perMs` ms, in this process. */
export class RateLimit {
  private readonly starts: number[] = [];

  constructor(private readonly limit: { readonly max: number; readonly perMs: number } | undefined) {}

  /** Ms until one more may start; 0: now. */
  waitMs(now: number): number {
    if (this.limit === undefined) return 0;
    const { max, perMs } = this.limit;
    while (this.starts[0] !== undefined && this.starts[0] <= now - perMs) this.starts.shift();
    const oldest = this.starts[0];
    return this.starts.length < max || oldest === undefined ? 0 : oldest + perMs - now;
  }

  /** How many may start now. */
  room(now: number): number {
    if (this.limit === undefined) return Number.POSITIVE_INFINITY;
    this.waitMs(now);
    return Math.max(0, this.limit.max - this.starts.length);
  }

  started(now: number): void {
    if (this.limit !== undefined) this.starts.push(now);
  }
}
