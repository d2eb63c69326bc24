import type { Actor } from '../booking/booking.js';
import { fulfilJobId } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { Metrics } from '../metrics/metrics.js';
import type { JobQueue, ReceivedJob } from '../queue/job-queue.js';
import type { MoveTeller } from './move-teller.js';

/** Grants what an offer has to grant, and sets the work of those on its way that have paid beforehand. */
export class AdmissionProcessor {
  constructor(
    private readonly ledger: Ledger,
    private readonly queue: Pick<JobQueue, 'publish'>,
    private readonly teller: MoveTeller,
    private readonly metrics: Metrics,
    private readonly actor: Actor,
    /** Told of jobs that could not be published: they are driven again by their time. */
    private readonly failed: (error: unknown) => void,
  ) {}

  handle(job: ReceivedJob<'booking.admit'>): Promise<void> {
    return this.admit(job.data.offerId);
  }

  /** Any number of workers may do so at once, in any order, any number of times. */
  async admit(offerId: string): Promise<void> {
    for (;;) {
      const admission = await this.ledger.admit(offerId, this.actor);
      if (admission === null || admission.bookings.length === 0) return;
      this.metrics.granted(admission.bookings.length);
      this.teller.tell({ ...admission, line: { ...admission.line, wantsAdmission: false } });
      await this.publish(admission.bookings.filter((booking) => booking.state === 'paying'));
      if (!admission.more) return;
    }
  }

  private async publish(
    paying: readonly { id: string; fence: number; correlationId: string }[],
  ): Promise<void> {
    if (paying.length === 0) return;
    try {
      await this.queue.publish(
        paying.map(({ id, fence, correlationId }) => ({
          jobId: fulfilJobId(id),
          type: 'booking.fulfil' as const,
          data: { bookingId: id, fence, correlationId },
        })),
      );
    } catch (error) {
      this.failed(error);
    }
  }
}
