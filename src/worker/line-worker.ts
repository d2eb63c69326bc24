import { fulfilJobId, type Booking } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import { LineWork, type LineWorkDone, type WorkedBooking } from '../booking/line-work.js';
import type { JobQueue, NewJob } from '../queue/job-queue.js';
import type { AdmissionProcessor } from './admission.processor.js';
import type { FulfilmentProcessor } from './fulfilment.processor.js';

/** Bookings that one call carries on at the same time. */
const AT_ONCE = 4;

/** A worker's work on one line where somebody asks for it, beside what the queue brings: the same functions. */
export class LineWorker extends LineWork {
  constructor(
    private readonly ledger: Pick<Ledger, 'booking'>,
    private readonly queue: Pick<JobQueue, 'publish'>,
    private readonly admission: Pick<AdmissionProcessor, 'grant' | 'publish'>,
    private readonly fulfilment: Pick<FulfilmentProcessor, 'handle'>,
    /** Told of what failed, and of jobs that could not be handed over: they are driven again by their time. */
    private readonly failed: (error: unknown) => void,
  ) {
    super();
  }

  override async process(offerId: string, max: number, signal: AbortSignal): Promise<LineWorkDone | null> {
    const mine: Booking[] = [];
    const granted = await this.admission.grant(offerId, (onTheirWay) => {
      const room = max - mine.length;
      mine.push(...onTheirWay.slice(0, room));
      return this.admission.publish(onTheirWay.slice(room));
    });
    if (granted === null) return null;
    const worked: WorkedBooking[] = [];
    const next = async (): Promise<void> => {
      for (let booking = mine.shift(); booking !== undefined; booking = mine.shift())
        worked.push(await this.work(booking, signal));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    return { granted, worked };
  }

  private async work(booking: Booking, signal: AbortSignal): Promise<WorkedBooking> {
    const { id, fence, correlationId } = booking;
    const job: NewJob<'booking.fulfil'> = {
      jobId: fulfilJobId(id),
      type: 'booking.fulfil',
      data: { bookingId: id, fence, correlationId },
    };
    const failure = await this.carryOn(job, signal);
    const { state, progress } = (await this.ledger.booking(id))?.booking ?? booking;
    return { bookingId: id, fence, state, progress, failure };
  }

  /** What failed is handed to the queue, which knows how often to try, and when to give up. */
  private async carryOn(job: NewJob<'booking.fulfil'>, signal: AbortSignal): Promise<unknown> {
    const delivered = { ...job, timestamp: new Date().toISOString(), attempt: 1 };
    try {
      signal.throwIfAborted();
      await this.fulfilment.handle(delivered, { signal, progress: () => Promise.resolve() });
      return null;
    } catch (error) {
      this.failed(error);
      await this.queue.publish([job]).catch(this.failed);
      return error;
    }
  }
}
