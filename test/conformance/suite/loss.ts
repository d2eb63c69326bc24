import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, fulfil, fulfils, Log, until } from '../bench.js';
import type { Target } from '../target.js';

export function describeLoss(bench: () => Bench, { wipe }: Target): void {
  if (typeof wipe !== 'function') {
    it(`goes on after the broker lost everything (${wipe.elsewhere})`, () => {
      expect(wipe.elsewhere).toMatch(/\.spec\.ts/);
    });
    return;
  }

  it('goes on by itself after the broker lost everything, with consumers at work and idle', async () => {
    const { queue, name } = await bench().open();
    const idle = await bench().open(name);
    const log = new Log();
    const release = new AbortController();
    const cut: string[] = [];
    const handle = log.then(async ({ jobId }, { signal }) => {
      if (jobId !== 'running') return;
      const ends = AbortSignal.any([release.signal, signal]);
      await sleep(20_000, undefined, { signal: ends }).catch(() => undefined);
      if (signal.aborted) cut.push(String(signal.reason));
    });
    await bench().consume(queue, handle, { concurrency: 4 });
    await queue.publish([fulfil('running'), fulfil('delayed', { delayMs: 60_000 })]);
    await log.reaches(1);
    await bench().consume(idle.queue, handle, { concurrency: 4 });

    await wipe(bench().broker, name);
    await queue.publish([...fulfils(20), fulfil('soon', { delayMs: 300 })]);
    await until('what is published afterwards is delivered', () => new Set(log.ids).size === 22);
    // longer than a lock lasts: a charge that is on its way is not cut because the broker forgot its job
    await sleep(9000);
    release.abort();
    await until('nothing is left', async () => {
      const { waiting, active, delayed, dead } = (await queue.counts()).types['booking.fulfil'];
      return waiting + active + delayed + dead === 0;
    });
    expect(cut).toEqual([]);
    // what was running when all was lost is done, and nobody holds its loss against it
    await queue.publish([fulfil('running'), fulfil('last')]);
    await until(
      'the same job is delivered again',
      () => log.ids.filter((id) => id === 'running').length === 2,
    );
    await queue.ping();
  });
}
