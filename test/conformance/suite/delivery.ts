import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, fulfil, fulfils, Log, until } from '../bench.js';
import type { Target } from '../target.js';

export function describeDelivery(bench: () => Bench, { capabilities }: Target): void {
  it.each([1, 500, 2000])('delivers each job of a batch of %i', async (size) => {
    const { queue } = await bench().open();
    await queue.publish(fulfils(size));
    expect((await queue.counts()).types['booking.fulfil'].waiting).toBe(size);
    const log = new Log();
    await bench().consume(queue, log.handle, { concurrency: 32 });
    await until(`${size} jobs`, () => new Set(log.ids).size === size, 40_000);
  });

  it('delivers the message as it was published, in any script', async () => {
    const { queue } = await bench().open();
    const data = {
      bookingId: 'Ωmega 予約 🎟️ \u{1F468}\u200D\u{1F469} "quoted" \\ \n é',
      fence: 7,
      correlationId: 'ﷺ',
    };
    const before = Date.now();
    await queue.publish([fulfil('unicode', { data })]);
    const log = new Log();
    await bench().consume(queue, log.handle);
    await log.reaches(1);
    const job = log.deliveries[0]?.job;
    expect(job).toMatchObject({ jobId: 'unicode', type: 'booking.fulfil', data, attempt: 1 });
    expect(new Date(job?.timestamp ?? '').toISOString()).toBe(job?.timestamp);
    expect(Date.parse(job?.timestamp ?? '')).toBeGreaterThanOrEqual(before);
  });

  it('keeps the types of jobs apart', async () => {
    const { queue } = await bench().open();
    await queue.publish([fulfil('a'), { jobId: 'b', type: 'booking.admit', data: { offerId: 'offer' } }]);
    const log = new Log();
    await bench().consume(queue, log.handle);
    await log.reaches(1);
    expect((await queue.counts()).types['booking.admit'].waiting).toBe(1);
    expect(log.ids).toEqual(['a']);
  });

  it('publishes nothing and refuses nothing where there is nothing to publish', async () => {
    const { queue } = await bench().open();
    await queue.publish([]);
    expect((await queue.counts()).types['booking.fulfil'].waiting).toBe(0);
  });

  it.each(['', '42', 'a:b', 'ü', 'x'.repeat(129)])('refuses the job id %j', async (jobId) => {
    const { queue } = await bench().open();
    await expect(queue.publish([fulfil('fine'), fulfil(jobId)])).rejects.toThrow(RangeError);
    expect((await queue.counts()).types['booking.fulfil'].waiting).toBe(0);
  });

  it('takes any word for an id, also one that the broker uses itself', async () => {
    const { queue } = await bench().open();
    const words = [
      'delayed',
      'wait',
      'active',
      'meta',
      'id',
      'events',
      'paused',
      'dead',
      'lock',
      '__proto__',
      '-',
      '0x1',
    ];
    await queue.publish(words.map((word) => fulfil(word)));
    await queue.publish([fulfil('late', { delayMs: 50 })]);
    const log = new Log();
    await bench().consume(queue, log.handle);
    await log.reaches(words.length + 1);
    expect(log.ids.sort()).toEqual([...words, 'late'].sort());
  });

  it('spreads the jobs over competing consumers in two processes', async () => {
    const { queue, name } = await bench().open();
    const plan = { workMs: 20, concurrency: 2, attempts: 3 };
    const children = await Promise.all([bench().child(name, plan), bench().child(name, plan)]);
    await queue.publish(fulfils(100));
    const done = (): string[] =>
      children.flatMap((child) => child.events.filter((e) => e.event === 'done').map((e) => e.jobId ?? ''));
    await until('each job done', () => new Set(done()).size === 100);
    expect(done()).toHaveLength(100);
    for (const child of children) expect(child.has('done')).toBe(true);
  });

  it('delivers a delayed job when its time has come, and not before', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    await bench().consume(queue, log.handle);
    const published = Date.now();
    await queue.publish([fulfil('later', { delayMs: 800 }), fulfil('now')]);
    await log.reaches(1);
    expect(log.ids).toEqual(['now']);
    if (capabilities.delay) expect((await queue.counts()).types['booking.fulfil'].delayed).toBe(1);
    await log.reaches(2);
    expect((log.deliveries[1]?.at ?? 0) - published).toBeGreaterThanOrEqual(795);
  });

  it(
    capabilities.priorities ? 'delivers by priority' : 'delivers every priority, without an order',
    async () => {
      const { queue } = await bench().open();
      const priorities = ['low', 'normal', 'high', 'low', 'normal', 'high'] as const;
      await queue.publish(priorities.map((priority, i) => fulfil(`${priority}-${i}`, { priority })));
      const log = new Log();
      await bench().consume(queue, log.handle, { concurrency: 1 });
      await log.reaches(6);
      const order = log.ids.map((id) => id.split('-')[0]);
      const expected = ['high', 'high', 'normal', 'normal', 'low', 'low'];
      if (capabilities.priorities) expect(order).toEqual(expected);
      else expect(order.sort()).toEqual([...expected].sort());
    },
  );

  it('takes a job without a priority for a normal one', async () => {
    const { queue } = await bench().open();
    if (!capabilities.priorities) return expect(capabilities.priorities).toBe(false);
    await queue.publish([
      fulfil('low', { priority: 'low' }),
      fulfil('none'),
      fulfil('high', { priority: 'high' }),
    ]);
    const log = new Log();
    await bench().consume(queue, log.handle, { concurrency: 1 });
    await log.reaches(3);
    expect(log.ids).toEqual(['high', 'none', 'low']);
  });

  it(
    capabilities.orderByKey
      ? 'handles the jobs of one booking one after the other, as they were published, and others meanwhile'
      : 'delivers all jobs of one booking, in an order of its own',
    async () => {
      const { queue } = await bench().open();
      const ofBooking = (booking: number) =>
        Array.from({ length: 10 }, (_, i) =>
          fulfil(`${booking}-${i}`, {
            data: { bookingId: `booking ${booking}`, fence: i, correlationId: 'test' },
          }),
        );
      const [first, second] = [ofBooking(1), ofBooking(2)];
      await queue.publish(first.flatMap((job, i) => [job, second[i] ?? job]));
      const log = new Log();
      let [running, most] = [0, 0];
      await bench().consume(
        queue,
        log.then(async () => {
          running += 1;
          most = Math.max(most, running);
          await sleep(10);
          running -= 1;
        }),
        { concurrency: 8 },
      );
      await log.reaches(20);
      for (const jobs of [first, second]) {
        const published = jobs.map(({ jobId }) => jobId);
        const handled = log.ids.filter((id) => published.includes(id));
        if (!capabilities.orderByKey) handled.sort();
        expect(handled).toEqual(published);
      }
      if (capabilities.orderByKey) expect(most).toBe(2);
    },
  );

  it('delivers a job published again under the id of one that is done', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    await bench().consume(queue, log.handle);
    for (let round = 1; round <= 3; round += 1) {
      await queue.publish([fulfil('again')]);
      await log.reaches(round);
      await until('it is done', async () => (await queue.counts()).types['booking.fulfil'].active === 0);
    }
    expect(log.deliveries.map(({ job }) => job.attempt)).toEqual([1, 1, 1]);
  });

  it('delivers a job that is published thrice before it is taken, and no more often than that', async () => {
    const { queue } = await bench().open();
    await queue.publish([fulfil('thrice'), fulfil('thrice')]);
    await queue.publish([fulfil('thrice')]);
    const log = new Log();
    await bench().consume(queue, log.handle, { concurrency: 1 });
    await log.reaches(1);
    await until('nothing is left', async () => {
      const { waiting, active } = (await queue.counts()).types['booking.fulfil'];
      return waiting + active === 0;
    });
    expect(new Set(log.ids)).toEqual(new Set(['thrice']));
    expect(log.ids.length).toBeLessThanOrEqual(3);
  });
}
