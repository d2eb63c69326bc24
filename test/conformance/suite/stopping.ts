import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, fulfil, fulfils, Log, options, until } from '../bench.js';

export function describeStopping(bench: () => Bench): void {
  it('finishes what is running when stopped in time, and takes nothing new', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    let finished = 0;
    const consumption = await bench().consume(
      queue,
      log.then(async (_job, { signal }) => {
        await sleep(500, undefined, { signal });
        finished += 1;
      }),
      { concurrency: 2 },
    );
    await queue.publish(fulfils(6));
    await log.reaches(2);
    await consumption.stop(10_000);
    expect({ started: log.ids.length, finished }).toEqual({ started: 2, finished: 2 });
    await sleep(300);
    expect(log.ids).toHaveLength(2);
    expect((await queue.counts()).types['booking.fulfil']).toEqual({
      waiting: 4,
      active: 0,
      delayed: 0,
      dead: 0,
    });
  });

  it.each([
    ['hears its signal', true],
    ['is deaf to its signal', false],
  ])(
    'hands a job back past the timeout, where its handler %s, and another completes it',
    async (_who, hears) => {
      const { queue, name } = await bench().open();
      const other = await bench().open(name);
      const log = new Log();
      let reason: unknown = null;
      const consumption = await bench().consume(
        queue,
        log.then(async (_job, { signal }) => {
          signal.addEventListener('abort', () => (reason = signal.reason));
          await sleep(15_000, undefined, hears ? { signal } : { ref: false });
        }),
      );
      await queue.publish([fulfil('long')]);
      await log.reaches(1);
      const began = Date.now();
      await consumption.stop(200);
      expect(Date.now() - began).toBeLessThan(200 + 3000);
      expect(reason).toMatchObject({ code: 'SHUTDOWN' });
      const elsewhere = new Log();
      await bench().consume(other.queue, elsewhere.handle);
      await elsewhere.reaches(1);
      // a shutdown is not the job's failure
      expect(elsewhere.deliveries[0]?.job).toMatchObject({ jobId: 'long', attempt: 1 });
    },
  );

  it('can be stopped twice, at once and again, also when nothing was ever delivered', async () => {
    const { queue } = await bench().open();
    const consumption = await bench().consume(queue, () => Promise.resolve());
    await Promise.all([consumption.stop(1000), consumption.stop(1000)]);
    await consumption.stop(0);
  });

  it('can be started again after a stop', async () => {
    const { queue } = await bench().open();
    const first = await bench().consume(queue, () => Promise.resolve());
    await first.stop(1000);
    const log = new Log();
    await bench().consume(queue, log.handle);
    await queue.publish([fulfil('a')]);
    await log.reaches(1);
  });

  it('can be closed without ever having consumed, twice', async () => {
    const { queue } = await bench().open();
    await Promise.all([queue.close(), queue.close()]);
    await queue.close();
  });

  it('drains its consumptions when closed, and takes nothing afterwards', async () => {
    const { queue, name } = await bench().open();
    const other = await bench().open(name);
    const log = new Log();
    let finished = 0;
    await bench().consume(
      queue,
      log.then(async () => {
        await sleep(300);
        finished += 1;
      }),
    );
    await queue.publish([fulfil('a')]);
    await log.reaches(1);
    await queue.close();
    expect(finished).toBe(1);
    await expect(queue.publish([fulfil('b')])).rejects.toThrow('closed');
    await expect(queue.consume('booking.fulfil', log.handle, options())).rejects.toThrow('closed');
    await expect(queue.ping()).rejects.toThrow('closed');
    await until(
      'nothing is left',
      async () => (await other.queue.counts()).types['booking.fulfil'].active === 0,
    );
  });
}
