import type { Ledger } from '../booking/ledger/ledger.js';
import { STEPS } from '../booking/booking.js';
import type { JobContext, ReceivedJob } from '../queue/job-queue.js';
import { FulfilmentProcessor } from './fulfilment.processor.js';

const JOB: ReceivedJob<'booking.fulfil'> = {
  jobId: 'fulfil-b',
  type: 'booking.fulfil',
  data: { bookingId: 'b', fence: 2, correlationId: 'c' },
  timestamp: '2026-01-01T00:00:00.000Z',
  attempt: 1,
};
const steps = STEPS.map((name) => ({ name, run: () => Promise.reject(new Error('not reached')) }));
/** Longer than it takes to say once more that it is at work. */
const A_WHILE_MS = 6000;

describe('A worker at a booking', () => {
  let kept: [readonly string[], number][];
  let begin: () => Promise<null>;
  let processor: FulfilmentProcessor;
  const context = (signal: AbortSignal): JobContext => ({ signal, progress: () => Promise.resolve() });

  beforeEach(() => {
    jest.useFakeTimers();
    kept = [];
    begin = () => new Promise(() => undefined);
    const ledger: Pick<Ledger, 'keepFulfilments' | 'beginFulfilment' | 'booking'> = {
      keepFulfilments: (ids, ms) => {
        kept.push([ids, ms]);
        return Promise.resolve(ids.length);
      },
      beginFulfilment: () => begin(),
      booking: () => Promise.resolve(null),
    };
    processor = new FulfilmentProcessor(
      ledger,
      { publish: () => Promise.resolve() },
      { progress: () => undefined },
      { stepSucceeded: () => undefined, retried: () => undefined },
      { stepDelaysMs: [], retryWithinMs: 90_000, settleAfterMs: 30_000 },
      steps,
      () => undefined,
    );
    processor.start();
  });
  afterEach(async () => {
    jest.useRealTimers();
    await processor.stop();
  });

  it('says again and again that it is at it, and no more once the job has ended', async () => {
    let end: () => void = () => undefined;
    begin = () => new Promise((resolve) => (end = () => resolve(null)));
    const handled = processor.handle(JOB, context(new AbortController().signal));
    await jest.advanceTimersByTimeAsync(2 * A_WHILE_MS);
    expect(kept.length).toBeGreaterThanOrEqual(2);
    expect(kept[0]).toEqual([['b'], 15_000]);
    end();
    await handled;
    kept = [];
    await jest.advanceTimersByTimeAsync(2 * A_WHILE_MS);
    expect(kept).toEqual([]);
  });

  it('keeps nobody away any more once it was told to end, whether it listens or not', async () => {
    const controller = new AbortController();
    void processor.handle(JOB, context(controller.signal));
    await jest.advanceTimersByTimeAsync(A_WHILE_MS);
    expect(kept).not.toEqual([]);
    controller.abort();
    kept = [];
    await jest.advanceTimersByTimeAsync(2 * A_WHILE_MS);
    expect(kept).toEqual([]);
  });

  it('leaves a job that failed to its broker for as long as that may wait', async () => {
    begin = () => Promise.reject(new Error('the ledger is away'));
    await expect(processor.handle(JOB, context(new AbortController().signal))).rejects.toThrow('away');
    expect(kept).toEqual([[['b'], 90_000]]);
  });
});
