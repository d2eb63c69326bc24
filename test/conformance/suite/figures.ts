import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ChannelFigures,
  JOB_TYPES,
  type QueueFigures,
  type QueueTechnology,
} from '../../../src/queue/job-queue.js';
import { type Bench, fulfil, fulfils, until } from '../bench.js';

type Holds = ChannelFigures['holds'];

const NOT_DONE: readonly Holds[] = ['work', 'delayed', 'retries'];

function technologyOf({ broker: { settings } }: Bench): QueueTechnology {
  if (settings.type !== 'bullmq') return settings.type;
  return settings.redis === null ? 'bullmq-postgres' : 'bullmq-redis';
}

const fulfilments = ({ channels }: QueueFigures, holds: readonly Holds[]): ChannelFigures[] =>
  channels.filter((channel) => channel.type === 'booking.fulfil' && holds.includes(channel.holds));
const depthOf = (figures: QueueFigures, holds: readonly Holds[]): number =>
  fulfilments(figures, holds).reduce((sum, { depth }) => sum + depth, 0);

/** What operators are shown, the same for every technology. */
export function describeFigures(bench: () => Bench): void {
  it('names its technology and a channel of work for each type of job, empty at first', async () => {
    const { queue } = await bench().open();
    const figures = await queue.figures();
    expect(figures.technology).toBe(technologyOf(bench()));
    expect(figures.version ?? 'untold').toMatch(/^(\d+\.\d|untold$)/);
    for (const type of JOB_TYPES) {
      expect(figures.channels.filter((one) => one.type === type && one.holds === 'work')).not.toEqual([]);
    }
    const names = figures.channels.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(figures.channels.map(({ depth }) => depth)).toEqual(names.map(() => 0));
  });

  it('shows everything published as the depth of its channels, though nobody consumes', async () => {
    const { queue } = await bench().open();
    const urgent = fulfil('urgent', { priority: 'high' });
    await queue.publish([...fulfils(5), urgent, fulfil('later', { delayMs: 60_000 })]);
    await until('all seven are there', async () => depthOf(await queue.figures(), NOT_DONE) === 7);
    const figures = await queue.figures();
    expect(depthOf(figures, ['work'])).toBeGreaterThanOrEqual(6);
    expect(depthOf(figures, ['dead'])).toBe(0);
  });

  it('shows a running job until it is done, what waits behind it, and what is dead', async () => {
    const { queue } = await bench().open();
    const stop = new AbortController();
    await bench().consume(
      queue,
      async ({ jobId }) => {
        if (jobId === 'dead') throw new Error('no');
        await sleep(20_000, undefined, { signal: stop.signal }).catch(() => undefined);
      },
      { concurrency: 1, retry: { attempts: 1, backoffMs: 1, maxBackoffMs: 1 } },
    );
    await queue.publish([fulfil('dead')]);
    await until('one is dead', async () => depthOf(await queue.figures(), ['dead']) === 1);
    await queue.publish(fulfils(3));
    await until('one runs', () => queue.activity()[0]?.running === 1);
    await until('three are not done', async () => depthOf(await queue.figures(), NOT_DONE) === 3);
    const figures = await queue.figures();
    expect(depthOf(figures, ['dead'])).toBe(1);
    const groups = fulfilments(figures, ['work']).flatMap((channel) => channel.groups);
    for (const { pending, consumers } of groups) {
      expect(consumers.reduce((sum, consumer) => sum + consumer.pending, 0)).toBe(pending);
    }
    // a group knows of the three as delivered or as still to be delivered
    if (groups.length > 0) expect(groups.reduce((sum, { lag, pending }) => sum + lag + pending, 0)).toBe(3);
    stop.abort();
    await until('nothing is left', async () => depthOf(await queue.figures(), NOT_DONE) === 0);
    expect(depthOf(await queue.figures(), ['dead'])).toBe(1);
  });

  it('counts its workers over all processes, or says that the broker does not tell', async () => {
    const { queue, name } = await bench().open();
    const other = await bench().open(name);
    const first = await bench().consume(queue, () => Promise.resolve());
    await bench().consume(other.queue, () => Promise.resolve());
    const workers = async (): Promise<number | null> => (await queue.figures()).workers['booking.fulfil'];
    await until('two are counted, or none can be', async () => [2, null].includes(await workers()));
    if ((await workers()) === null) return;
    expect((await queue.figures()).workers['booking.admit']).toBe(0);
    await first.stop(1000);
    await until('one is left', async () => (await workers()) === 1);
  });
}
