import type { Asker } from './asker.js';
import type { Teller } from './teller.js';

/** Whoever is told of bookings by this worker: nobody where no such service is configured. */
export class Tellers {
  constructor(
    private readonly tellers: readonly Teller[],
    private readonly askers: readonly Asker[],
  ) {}

  start(): void {
    for (const one of [...this.tellers, ...this.askers]) one.start();
  }

  /** Something has just become due: it is told now, and nobody waits for that. */
  hasten(): void {
    for (const teller of this.tellers) teller.hasten();
  }

  /** Idempotent; resolves once what is under way is over. */
  async stop(): Promise<void> {
    await Promise.all([...this.tellers, ...this.askers].map((one) => one.stop()));
  }
}
