import { STEPS, type Booking, type StepName } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import type { Fulfilment } from '../booking/ledger/types.js';
import type { Metrics } from '../metrics/metrics.js';
import type { JobContext, ReceivedJob } from '../queue/job-queue.js';
import type { Notifier } from '../realtime/notifier.js';
import type { Step } from './steps/step.js';

export interface FulfilmentOptions {
  /** Work added to each step, in the order of `STEPS`. */
  readonly stepDelaysMs: readonly number[];
  /** While a worker is at it the sweeper does not drive the booking again. */
  readonly quietMs: number;
}

/** Carries one booking through its steps, from where it stopped, to where it is confirmed or turned away. */
export class FulfilmentProcessor {
  private readonly steps: ReadonlyMap<StepName, Step>;

  constructor(
    private readonly ledger: Ledger,
    private readonly notifier: Notifier,
    private readonly metrics: Metrics,
    private readonly options: FulfilmentOptions,
    steps: readonly Step[],
  ) {
    this.steps = new Map(steps.map((step) => [step.name, step]));
    for (const name of STEPS)
      if (!this.steps.has(name)) throw new Error(`The step ${name} has nobody to run it`);
  }

  async handle(job: ReceivedJob<'booking.fulfil'>, context: JobContext): Promise<void> {
    const { signal } = context;
    const { bookingId } = job.data;
    let fulfilment = await this.ledger.beginFulfilment(bookingId, this.options.quietMs);
    if (fulfilment === null) return;
    await context.progress(fulfilment.booking.progress);
    for (const [index, name] of STEPS.entries()) {
      if (fulfilment.succeeded.has(name)) continue;
      signal.throwIfAborted();
      const booking = await this.run(name, fulfilment, this.options.stepDelaysMs[index] ?? 0, signal);
      if (booking === null) return;
      const fresh: Fulfilment = (await this.ledger.beginFulfilment(bookingId, this.options.quietMs)) ?? {
        ...fulfilment,
        booking,
      };
      this.notifier.progress(
        fresh.booking,
        fresh.tickets.map((ticket) => ticket.code),
      );
      await context.progress(fresh.booking.progress);
      fulfilment = fresh;
    }
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
