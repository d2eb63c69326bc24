import type { Actor, Booking } from '../booking/booking.js';
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
    await this.grant(offerId, (onTheirWay) => this.publish(onTheirWay));
  }

  /**
   * Grants what there is to grant, and leaves those who have paid beforehand to whoever asks.
   * @returns how many were granted; null where there is no such offer
   */
  async grant(
    offerId: string,
    carryOn: (onTheirWay: readonly Booking[]) => Promise<void>,
  ): Promise<number | null> {
    for (let granted = 0; ;) {
      const admission = await this.ledger.admit(offerId, this.actor);
      if (admission === null) return null;
      const { length } = admission.bookings;
      if (length === 0) return granted;
      granted += length;
      this.metrics.granted(length);
      this.teller.tell({ ...admission, line: { ...admission.line, wantsAdmission: false } });
      await carryOn(admission.bookings.filter((booking) => booking.state === 'paying'));
      if (!admission.more) return granted;
    }
  }

  /** Never rejects. */
  async publish(paying: readonly { id: string; fence: number; correlationId: string }[]): Promise<void> {
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
