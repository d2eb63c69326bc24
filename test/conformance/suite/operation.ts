import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, fulfil, fulfils, Log, until } from '../bench.js';
import type { Target } from '../target.js';

export function describeOperation(bench: () => Bench, { capabilities }: Target): void {
  it('delivers nothing while paused, lets what is running go on, and delivers all when resumed', async () => {
    const { queue, name } = await bench().open();
    const log = new Log();
    let finished = 0;
    const work = log.then(async () => {
      await sleep(300);
      finished += 1;
    });
    await bench().consume(queue, work);
    await queue.publish([fulfil('running')]);
    await log.reaches(1);
    await queue.pause();
    await queue.pause();
    await queue.publish([fulfil('a'), fulfil('b')]);
    // another process sees the pause as well
    const other = await bench().open(name);
    if (capabilities.globalPause) await bench().consume(other.queue, work);
    await sleep(800);
    expect(log.ids).toEqual(['running']);
    expect(finished).toBe(1);
    expect(await other.queue.counts()).toMatchObject({
      paused: capabilities.globalPause,
      types: { 'booking.fulfil': { waiting: 2, active: 0 } },
    });
    await queue.resume();
    await queue.resume();
    await log.reaches(3);
    expect((await queue.counts()).paused).toBe(false);
  });

  it('starts no more jobs than the rate limit allows, over all its consumers', async () => {
    const { queue, name } = await bench().open();
    const log = new Log();
    const rateLimit = { max: 3, perMs: 600 };
    await queue.publish(fulfils(9));
    await bench().consume(queue, log.handle, { rateLimit });
    if (capabilities.rateLimit === 'global') {
      const other = await bench().open(name);
      await bench().consume(other.queue, log.handle, { rateLimit });
    }
    await log.reaches(9);
    const times = log.deliveries.map(({ at }) => at);
    // nine jobs need the start of a third window
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThanOrEqual(2 * 600 - 150);
  });

  it(capabilities.progress ? 'keeps the progress of a job' : 'takes progress and keeps none', async () => {
    const { queue, name } = await bench().open();
    let release: () => void = () => undefined;
    const seen: (number | null)[] = [];
    const look = async (): Promise<void> => void seen.push(await bench().broker.progressOf(name, 'watched'));
    await bench().consume(queue, async (_job, { progress }) => {
      await progress(20);
      await look();
      await progress(1000);
      await look();
      await progress(Number.NaN);
      release();
    });
    const handled = new Promise<void>((resolve) => (release = resolve));
    await queue.publish([fulfil('watched')]);
    await handled;
    expect(seen).toEqual(capabilities.progress ? [20, 100] : [null, null]);
  });

  it('counts what waits, runs, is delayed and is dead', async () => {
    const { queue } = await bench().open();
    const stop = new AbortController();
    await bench().consume(
      queue,
      async (job) => {
        if (job.jobId === 'dead') throw new Error('no');
        await sleep(20_000, undefined, { signal: stop.signal }).catch(() => undefined);
      },
      { concurrency: 2, retry: { attempts: 1, backoffMs: 1, maxBackoffMs: 1 } },
    );
    await queue.publish([fulfil('dead')]);
    await until('one is dead', async () => (await queue.counts()).types['booking.fulfil'].dead === 1);
    await queue.publish([...fulfils(5), fulfil('later', { delayMs: 60_000 })]);
    await until('two run', () => queue.activity()[0]?.running === 2);
    const none = { waiting: 0, active: 0, delayed: 0, dead: 0 };
    await until('the broker knows', async () => (await queue.counts()).types['booking.fulfil'].active === 2);
    expect(await queue.counts()).toEqual({
      paused: false,
      types: { 'booking.admit': none, 'booking.fulfil': { waiting: 3, active: 2, delayed: 1, dead: 1 } },
    });
    stop.abort();
    await until('all done', async () => (await queue.counts()).types['booking.fulfil'].waiting === 0);
  });

  it('says of each consumption what it is doing', async () => {
    const { queue } = await bench().open();
    expect(queue.activity()).toEqual([]);
    const stop = new AbortController();
    const consumption = await bench().consume(
      queue,
      () => sleep(20_000, undefined, { signal: stop.signal }).catch(() => undefined),
      { concurrency: 3, deadlineMs: 25_000 },
    );
    const idle = {
      type: 'booking.fulfil',
      concurrency: 3,
      running: 0,
      deadlineMs: 25_000,
      oldestRunningSince: null,
    };
    expect(queue.activity()).toEqual([{ ...idle, lastDeliveryAt: null }]);
    await queue.publish([fulfil('a')]);
    await until('it runs', () => queue.activity()[0]?.running === 1);
    const [busy] = queue.activity();
    expect(busy?.oldestRunningSince).not.toBeNull();
    stop.abort();
    await until('it is idle', () => queue.activity()[0]?.running === 0);
    expect(queue.activity()).toEqual([{ ...idle, lastDeliveryAt: busy?.lastDeliveryAt }]);
    await consumption.stop(1000);
    expect(queue.activity()).toEqual([]);
  });

  it('answers a ping', async () => {
    const { queue } = await bench().open();
    await expect(queue.ping()).resolves.toBeUndefined();
  });
}
