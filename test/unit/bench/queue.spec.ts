import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderChart } from '../../../bench/queue/chart.js';
import type { Contender, OnJob } from '../../../bench/queue/contender.js';
import { measureLatency, measureRates, percentile } from '../../../bench/queue/measure.js';
import { quietRate, resultOf, type Results, type Round } from '../../../bench/queue/results.js';
import { withTable } from '../../../bench/queue/table.js';

/** Carries jobs in memory; forgets the first one where it is told to. */
class Memory implements Contender {
  private waiting: string[] = [];
  private onJob: OnJob | null = null;
  constructor(private readonly forgets = false) {}

  publish(jobs: readonly { readonly jobId: string }[]): Promise<void> {
    this.waiting.push(...jobs.map(({ jobId }) => jobId));
    if (this.onJob !== null) void this.work(this.onJob);
    return Promise.resolve();
  }

  consume(onJob: OnJob): ReturnType<Contender['consume']> {
    this.onJob = onJob;
    setImmediate(() => void this.work(onJob));
    return Promise.resolve({
      stop: () => {
        this.onJob = null;
        return Promise.resolve();
      },
    });
  }

  left(): Promise<number> {
    return Promise.resolve(this.forgets ? 1 : this.waiting.length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async work(onJob: OnJob): Promise<void> {
    for (let id = this.waiting.shift(); id !== undefined; id = this.waiting.shift()) await onJob(id);
  }
}

const round = (ours: number, raw: number): Round => ({
  ours: { publish: ours, consume: ours / 2 },
  raw: { publish: raw, consume: raw },
});
const rounds = [round(100, 100), round(50, 100), round(900, 1000)];
const results: Results = {
  targets: { kafka: resultOf(rounds, [1, 2, 3, 100]), streams: resultOf(rounds, [5]) },
  ...{ leftOut: {}, rounds: 3, jobs: 1000, loadBefore: 0.5 },
};

describe('the benchmark of queues', () => {
  it('consumes every job that it published', async () => {
    const rates = await measureRates(new Memory(), 1200);
    expect(rates.publish).toBeGreaterThan(0);
    expect(rates.consume).toBeGreaterThan(0);
  });

  it('fails where the broker still has jobs when all are done', async () => {
    await expect(measureRates(new Memory(true), 10)).rejects.toThrow('still on the broker');
  });

  it('measures the way of every job that it published at a steady rate', async () => {
    expect(await measureLatency(new Memory(), 1000, 50)).toHaveLength(50);
  });

  it('takes the median of the ratios of rounds, not the ratio of medians', () => {
    expect(resultOf(rounds, [1])).toMatchObject({
      ...{ publishRatio: 0.9, consumeRatio: 0.45 },
      ...{ publishPerSecond: 100, rawPublishPerSecond: 100 },
    });
  });

  it('is quiet at a tenth of what it publishes or consumes, whichever is less', () => {
    expect(quietRate(rounds)).toBe(5);
  });

  it('reads percentiles from what was measured', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.99)]).toEqual([50, 99, 7]);
  });

  it('puts its table in the place of the one before, in the document that we have', () => {
    const document = readFileSync(join(__dirname, '../../../docs/queues.md'), 'utf8');
    const written = withTable(document, results);
    expect(written).toContain('| Kafka | 100 | 100 | 0.90 | 50 | 100 | 0.45 | 2.0 | 100.0 | 5 |');
    expect(withTable(written, results)).toBe(written);
    expect(() => withTable('# Nothing', results)).toThrow('no place');
  });

  it('draws a bar for each rate, each within the picture', () => {
    const chart = renderChart(results);
    const bars = [...chart.matchAll(/<rect class="[^"]+" x="170\.0" y="\d+" width="([\d.]+)"/g)];
    expect(bars).toHaveLength(8);
    for (const [, width] of bars) expect(Number(width)).toBeLessThanOrEqual(760 - 170);
    expect(chart).toContain('jobs per second');
  });
});
