import type { JobQueue } from '../queue/job-queue.js';
import type { LineChange } from './ledger/types.js';

/**
 * Tells the workers that an offer may have something to grant: one `admit` job under way per offer, whatever comes
 * meanwhile is one more afterwards. Never fails: a hint that is lost is found by the sweeper.
 */
export class AdmissionHints {
  private readonly offers = new Map<string, { again: number | null }>();
  private readonly sending = new Set<Promise<void>>();

  constructor(
    private readonly queue: Pick<JobQueue, 'publish'>,
    private readonly failed: (error: unknown) => void,
  ) {}

  changed(line: LineChange): void {
    if (line.wantsAdmission) this.wake(line.offerId, line.version);
  }

  /** Resolves once nothing is under way. */
  async drain(): Promise<void> {
    while (this.sending.size > 0) await Promise.all(this.sending);
  }

  private wake(offerId: string, version: number): void {
    const known = this.offers.get(offerId);
    if (known !== undefined) {
      known.again = version;
      return;
    }
    this.offers.set(offerId, { again: null });
    const sending = this.send(offerId, version).finally(() => this.sending.delete(sending));
    this.sending.add(sending);
  }

  private async send(offerId: string, version: number): Promise<void> {
    try {
      const jobId = `admit-${offerId}-${version}`;
      await this.queue.publish([{ jobId, type: 'booking.admit', data: { offerId }, priority: 'high' }]);
    } catch (error) {
      this.failed(error);
    }
    const again = this.offers.get(offerId)?.again ?? null;
    this.offers.delete(offerId);
    if (again !== null) this.wake(offerId, again);
  }
}
