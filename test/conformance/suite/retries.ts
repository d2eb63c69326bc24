import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Delivered, fulfil, fulfils, Log, until } from '../bench.js';

const gaps = (deliveries: readonly Delivered[]): number[] =>
  deliveries.slice(1).map(({ at }, i) => at - (deliveries[i]?.at ?? at));

export function describeRetries(bench: () => Bench): void {
  it('retries what fails, waiting twice as long each time', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    await bench().consume(
      queue,
      log.then(() => Promise.reject(new Error('no'))),
      { retry: { attempts: 4, backoffMs: 300, maxBackoffMs: 10_000 } },
    );
    await queue.publish([fulfil('failing')]);
    await log.reaches(4);
    expect(log.deliveries.map(({ job }) => job.attempt)).toEqual([1, 2, 3, 4]);
    gaps(log.deliveries).forEach((gap, i) => {
      // half of the nominal wait is what jitter leaves at least; above it a busy machine may be slow
      expect(gap).toBeGreaterThanOrEqual(300 * 2 ** i * 0.5 - 5);
      expect(gap).toBeLessThan(300 * 2 ** i * 1.5 + 3000);
    });
  });

  it('spreads retries by jitter, below and above the nominal wait', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    await bench().consume(
      queue,
      log.then((job) => (job.attempt === 1 ? Promise.reject(new Error('no')) : Promise.resolve())),
      { concurrency: 32, retry: { attempts: 2, backoffMs: 1000, maxBackoffMs: 10_000 } },
    );
    await queue.publish(fulfils(24));
    await log.reaches(48);
    const waits = fulfils(24).flatMap(({ jobId }) =>
      gaps(log.deliveries.filter(({ job }) => job.jobId === jobId)),
    );
    expect(waits.some((wait) => wait < 1000)).toBe(true);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(200);
  });

  it('never waits longer than the upper bound', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    await bench().consume(
      queue,
      log.then(() => Promise.reject(new Error('no'))),
      { retry: { attempts: 5, backoffMs: 100_000, maxBackoffMs: 100 } },
    );
    await queue.publish([fulfil('bounded')]);
    await log.reaches(5);
  });

  it('aborts a delivery at its deadline and delivers the job again', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    const reasons: unknown[] = [];
    await bench().consume(
      queue,
      log.then(async (job, { signal }) => {
        if (job.attempt > 1) return;
        await sleep(10_000, undefined, { signal }).catch((error: unknown) => {
          reasons.push(signal.reason);
          throw error;
        });
      }),
      { deadlineMs: 300 },
    );
    await queue.publish([fulfil('slow')]);
    await log.reaches(2);
    expect(reasons).toEqual([expect.objectContaining({ code: 'DEADLINE_EXCEEDED' })]);
    expect(gaps(log.deliveries)[0]).toBeGreaterThanOrEqual(295);
  });

  it('does not leave its place to a handler that is deaf to its deadline', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    await bench().consume(
      queue,
      log.then((job) =>
        job.jobId === 'deaf' ? sleep(15_000, undefined, { ref: false }) : Promise.resolve(),
      ),
      { deadlineMs: 200, concurrency: 1, retry: { attempts: 1, backoffMs: 10, maxBackoffMs: 10 } },
    );
    await queue.publish([fulfil('deaf')]);
    await log.reaches(1);
    await queue.publish([fulfil('next')]);
    await until('the next job gets the place', () => log.ids.includes('next'), 10_000);
    const [dead] = await queue.deadLetters.list(1);
    expect(dead).toMatchObject({ jobId: 'deaf', reason: 'DEADLINE_EXCEEDED' });
  });
}
