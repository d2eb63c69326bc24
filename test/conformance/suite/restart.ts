import { setTimeout as sleep } from 'node:timers/promises';
import type { JobQueue } from '../../../src/queue/job-queue.js';
import { Bench, fulfil, Log, until } from '../bench.js';
import type { OwnBroker, Target } from '../target.js';

export function describeRestart({ startOwn }: Target): void {
  if (typeof startOwn !== 'function') {
    process.stderr.write(`SKIPPED restart of the broker: ${startOwn.unavailable}\n`);
    describe.skip(`(${startOwn.unavailable})`, () => it('goes on by itself', () => undefined));
    return;
  }
  let broker: OwnBroker;
  let bench: Bench;
  beforeAll(async () => {
    broker = await startOwn();
    bench = new Bench(broker);
  });
  afterAll(async () => {
    await bench.close();
    await broker.stop();
  });

  it('goes on publishing and consuming by itself after the broker was restarted', async () => {
    const { queue } = await bench.open();
    const log = new Log();
    const release = new AbortController();
    await bench.consume(
      queue,
      log.then(async (job) => {
        if (job.jobId !== 'across') return;
        await sleep(30_000, undefined, { signal: release.signal }).catch(() => undefined);
      }),
    );
    await queue.publish([fulfil('across'), fulfil('delayed', { delayMs: 1500 })]);
    await log.reaches(1);

    await broker.halt();
    const asked = Date.now();
    await expect(queue.publish([fulfil('refused')])).rejects.toThrow();
    await expect(queue.ping()).rejects.toThrow();
    // no caller is kept waiting for a broker that is away
    expect(Date.now() - asked).toBeLessThan(15_000);
    await sleep(1000);
    await broker.resume();
    release.abort();

    await publishSoon(queue);
    await until('what was delayed and what is new is delivered', () =>
      ['delayed', 'after'].every((id) => log.ids.includes(id)),
    );
    await until('the job that ran across the restart is done', async () => {
      const { waiting, active, delayed } = (await queue.counts()).types['booking.fulfil'];
      return waiting + active + delayed === 0;
    });
    await queue.ping();
  });
}

/** As a caller does that tries again. */
async function publishSoon(queue: JobQueue): Promise<void> {
  await until('the queue takes a job again', () =>
    queue.publish([fulfil('after')]).then(
      () => true,
      () => false,
    ),
  );
}
