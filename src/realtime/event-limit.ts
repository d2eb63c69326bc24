/** Packets that a socket may send in a burst, pongs included. */
const BURST = 40;
/** Packets a second that it may send for good. */
const PER_SECOND = 5;

/** What one connection has sent, as a bucket that empties with time. */
export class EventLimit {
  private level = 0;
  private at: number;

  constructor(private readonly now: () => number) {
    this.at = now();
  }

  /** False where this one is too much. */
  take(): boolean {
    const now = this.now();
    this.level = Math.max(0, this.level - ((now - this.at) * PER_SECOND) / 1000) + 1;
    this.at = now;
    return this.level <= BURST;
  }
}
