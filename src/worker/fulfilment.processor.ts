import { fulfilJobId, STEPS, type Booking, type BookingState, type StepName } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { Fulfilment } from '../booking/ledger/types.js';
import type { Metrics } from '../metrics/metrics.js';
import type { JobContext, JobData, JobQueue, ReceivedJob } from '../queue/job-queue.js';
import type { Notifier } from '../realtime/notifier.js';
import { Chore } from './chore.js';
import type { Failed } from './failed.js';
import type { Step } from './steps/step.js';

export interface FulfilmentOptions {
  /** Work added to each step, in the order of `STEPS`. */
  readonly stepDelaysMs: readonly number[];
  /** Longer than the broker waits before it delivers a job again that failed. */
  readonly retryWithinMs: number;
  /** A charge that nobody has been at for so long is settled by whoever comes by: it is said more often than that. */
  readonly settleAfterMs: number;
}

/**
 * While a worker is at a booking nobody else drives it on. Said again and again, so that a worker that was killed
 * together with its broker, or a broker that lost the job, delays the booking no longer than this.
 */
const QUIET_MS = 15_000;
const KEEP_EVERY_MS = 5000;
/** Of the time after which a charge is settled: one that comes late, or two, do not matter. */
const KEEPS_PER_SETTLING = 4;

const DUE: ReadonlySet<BookingState> = new Set(['paying', 'paid']);
/** How long after a job whose booking went back to its hold the ledger is asked whether it was paid for again. */
const LOOK_AGAIN_AFTER_MS = [250, 1000, 4000];

/** Carries one booking through its steps, from where it stopped, to where it is confirmed or turned away. */
export class FulfilmentProcessor {
  private readonly steps: ReadonlyMap<StepName, Step>;
  private readonly looks = new Set<NodeJS.Timeout>();
  private readonly atWork = new Set<{ readonly bookingId: string }>();
  private readonly keeper: Chore;
  private stopped = false;

  constructor(
    private readonly ledger: Pick<Ledger, 'beginFulfilment' | 'keepFulfilments' | 'booking'>,
    private readonly queue: Pick<JobQueue, 'publish'>,
    private readonly notifier: Pick<Notifier, 'progress'>,
    private readonly metrics: Pick<Metrics, 'stepSucceeded' | 'retried'>,
    private readonly options: FulfilmentOptions,
    steps: readonly Step[],
    /** Told of looks that failed: the booking is driven again by its time. */
    private readonly failed: Failed,
  ) {
    this.steps = new Map(steps.map((step) => [step.name, step]));
    const keepEveryMs = Math.min(KEEP_EVERY_MS, options.settleAfterMs / KEEPS_PER_SETTLING);
    this.keeper = new Chore(keepEveryMs, () => this.keep(), failed);
    for (const name of STEPS)
      if (!this.steps.has(name)) throw new Error(`The step ${name} has nobody to run it`);
  }

  /** Begins to keep others away from what it is at. */
  start(): void {
    this.keeper.start();
  }

  /**
   * A payment that comes while the job of the one before is in its last moments brings no job of its own: brokers may
   * drop what has the id of a running job. So whoever ends looks whether there is more to do, and again a little later.
   */
  async handle(job: ReceivedJob<'booking.fulfil'>, context: JobContext): Promise<void> {
    const { bookingId, correlationId } = job.data;
    const leave = this.enter(bookingId);
    // whoever does not listen to its signal is left to itself, and keeps nobody else away any more
    context.signal.addEventListener('abort', leave, { once: true });
    try {
      await this.fulfil(job.data, context);
    } catch (error) {
      // where the broker has lost the job nobody delivers it again: that is found out by the quiet's end
      if (!context.signal.aborted) {
        await this.ledger
          .keepFulfilments([bookingId], this.options.retryWithinMs)
          .catch((lost: unknown) => this.failed(lost, { bookingId, correlationId }));
      }
      throw error;
    } finally {
      context.signal.removeEventListener('abort', leave);
      leave();
    }
  }

  /** This worker is at the booking until the function returned is called. */
  private enter(bookingId: string): () => void {
    const visit = { bookingId };
    this.atWork.add(visit);
    return () => void this.atWork.delete(visit);
  }

  private async keep(): Promise<void> {
    const bookingIds = new Set([...this.atWork].map(({ bookingId }) => bookingId));
    if (bookingIds.size > 0) await this.ledger.keepFulfilments([...bookingIds], QUIET_MS);
  }

  private async fulfil(data: JobData<'booking.fulfil'>, context: JobContext): Promise<void> {
    const { bookingId } = data;
    for (let { fence } = data; ;) {
      const end = await this.carry(bookingId, context);
      if (end === 'confirmed') return;
      const booking = (await this.ledger.booking(bookingId))?.booking;
      if (booking?.state === 'held') this.lookAgain(booking);
      if (booking === undefined || !DUE.has(booking.state) || booking.fence <= Math.max(fence, end)) return;
      fence = booking.fence;
    }
  }

  /** Looks at nothing any more. Idempotent. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.keeper.stop();
    for (const look of this.looks) clearTimeout(look);
    this.looks.clear();
  }

  /** Until the booking is confirmed, or leaves the way: then under which fence, 0 where there was nothing to do. */
  private async carry(bookingId: string, context: JobContext): Promise<number | 'confirmed'> {
    const { signal } = context;
    let fulfilment = await this.ledger.beginFulfilment(bookingId, QUIET_MS);
    if (fulfilment === null) return 0;
    const { fence } = fulfilment.booking;
    await context.progress(fulfilment.booking.progress);
    for (const [index, name] of STEPS.entries()) {
      if (fulfilment.succeeded.has(name)) continue;
      signal.throwIfAborted();
      const booking = await this.run(name, fulfilment, this.options.stepDelaysMs[index] ?? 0, signal);
      if (booking === null) return fence;
      const fresh: Fulfilment | null =
        name === 'inventory'
          ? { ...fulfilment, booking }
          : await this.ledger.beginFulfilment(bookingId, QUIET_MS);
      // Another delivery has finished it meanwhile, and tells of it: with the codes that this one has not read.
      if (fresh === null) return fence;
      this.notifier.progress(
        fresh.booking,
        fresh.tickets.map((ticket) => ticket.code),
      );
      await context.progress(fresh.booking.progress);
      fulfilment = fresh;
    }
    return 'confirmed';
  }

  private lookAgain({ id, fence, correlationId }: Booking): void {
    if (this.stopped) return;
    for (const afterMs of LOOK_AGAIN_AFTER_MS) {
      const look = setTimeout(() => {
        this.looks.delete(look);
        this.publishIfPaid(id, fence, correlationId).catch((error: unknown) =>
          this.failed(error, { bookingId: id, correlationId }),
        );
      }, afterMs);
      this.looks.add(look);
    }
  }

  private async publishIfPaid(bookingId: string, heldUnder: number, correlationId: string): Promise<void> {
    const booking = (await this.ledger.booking(bookingId))?.booking;
    if (booking === undefined || !DUE.has(booking.state) || booking.fence <= heldUnder) return;
    const data = { bookingId, fence: booking.fence, correlationId };
    await this.queue.publish([{ jobId: fulfilJobId(bookingId), type: 'booking.fulfil', data }]);
  }

  private async run(
    name: StepName,
    fulfilment: Fulfilment,
    delayMs: number,
    signal: AbortSignal,
  ): Promise<Booking | null> {
    const begun = performance.now();
    try {
      if (delayMs > 0) await sleep(delayMs, signal);
      const outcome = await this.steps.get(name)?.run(fulfilment, signal);
      if (outcome?.kind !== 'succeeded') return null;
      this.metrics.stepSucceeded(name, (performance.now() - begun) / 1000);
      return outcome.booking;
    } catch (error) {
      if (!signal.aborted) this.metrics.retried(name);
      throw error;
    }
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
