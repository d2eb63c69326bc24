import { Scheduler } from '../../../scripts/rehearse/scheduler.js';
import { quantiles } from '../../../scripts/rehearse/statistics.js';

describe('Scheduler', () => {
  it('runs what is due first first, whatever the order of planning, and nothing that was cancelled', async () => {
    const scheduler = new Scheduler();
    const ran: number[] = [];
    for (const ms of [40, 10, 30, 10, 20]) scheduler.after(ms, () => ran.push(ms));
    scheduler.after(15, () => ran.push(-1))();
    await scheduler.sleep(60);
    expect(ran).toEqual([10, 10, 20, 30, 40]);
    scheduler.stop();
  });

  it('runs what is planned while it runs, and nothing once stopped', async () => {
    const scheduler = new Scheduler();
    const ran: string[] = [];
    scheduler.after(0, () => scheduler.after(0, () => ran.push('inner')));
    await scheduler.sleep(30);
    scheduler.after(5, () => ran.push('late'));
    scheduler.stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ran).toEqual(['inner']);
  });

  it('is never early', async () => {
    const scheduler = new Scheduler();
    const started = performance.now();
    await scheduler.sleep(25);
    expect(performance.now() - started).toBeGreaterThanOrEqual(25);
    scheduler.stop();
  });
});

describe('quantiles', () => {
  it('takes the nearest rank, and has none of nothing', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantiles(hundred)).toEqual({ p50: 50, p99: 99 });
    expect(quantiles([7])).toEqual({ p50: 7, p99: 7 });
    expect(quantiles([])).toBeNull();
  });
});
