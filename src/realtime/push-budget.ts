/** The share of a core that a process may spend on telling people of their line. */
export const PUSH_SHARE = 0.1;

/** Charged for one push to one socket at least, in ms of CPU: 14 to 20 µs were measured. */
export const PUSH_COST_MS = 0.02;

/** Saved up while quiet, at most so many ms of CPU. */
const MAX_CREDIT_MS = 100;

/** CPU time that may be spent, earned as a share of the time that passes. A debt is paid before more is spent. */
export class PushBudget {
  private creditMs = MAX_CREDIT_MS;
  private at: number;

  constructor(now: number) {
    this.at = now;
  }

  /** Whether there is any left. @param now monotonic, in ms */
  allows(now: number): boolean {
    this.creditMs = Math.min(MAX_CREDIT_MS, this.creditMs + (now - this.at) * PUSH_SHARE);
    this.at = now;
    return this.creditMs > 0;
  }

  /** @param elapsedMs as measured; what the sockets cost later, in the kernel, is covered by the least charge */
  charge(pushes: number, elapsedMs: number): void {
    this.creditMs -= Math.max(elapsedMs, pushes * PUSH_COST_MS);
  }
}
