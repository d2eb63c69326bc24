import { setTimeout as sleep } from 'node:timers/promises';
import { onInterrupt } from '../support/on-interrupt.js';
import { BATCH, type Contender, fulfilJobs, type OnJob } from './contender.js';

/** Of one contender in one round, jobs a second. */
export interface Rates {
  readonly publish: number;
  readonly consume: number;
}

/** Nobody waits for ever for jobs that were lost. */
const PATIENCE_MS = 120_000;

/**
 * Publishes so many jobs, call after call, then consumes them all. The clock of the second part runs from the first
 * delivery to the last: joining and connecting are not what is measured.
 * @throws Error where a job is missing, or is still on the broker when all is done
 */
export async function measureRates(contender: Contender, count: number): Promise<Rates> {
  const jobs = fulfilJobs(count);
  const begun = performance.now();
  for (let from = 0; from < count; from += BATCH) await contender.publish(jobs.slice(from, from + BATCH));
  const publish = count / seconds(begun);

  const missing = new Set(jobs.map(({ jobId }) => jobId));
  let first = 0;
  let last = 0;
  const all = signal();
  const stop = await consume(contender, (jobId) => {
    last = performance.now();
    if (first === 0) first = last;
    if (missing.delete(jobId) && missing.size === 0) all.give();
    return Promise.resolve();
  });
  await inTime(all.given, () => `${missing.size} of ${count} jobs were never delivered`);
  await stop();
  const left = await contender.left();
  if (left > 0) throw new Error(`${left} jobs are still on the broker after all were done`);
  return { publish, consume: count / ((last - first) / 1000) };
}

const TICK_MS = 2;

/**
 * Ms from the call of `publish` to the call of the handler, of jobs published at a steady rate whatever the queue does:
 * what is due is published every two ms in one call.
 */
export async function measureLatency(contender: Contender, perSecond: number, ms: number): Promise<number[]> {
  const jobs = fulfilJobs(Math.max(20, Math.round((perSecond * ms) / 1000)));
  const publishedAt = new Map<string, number>();
  const latencies: number[] = [];
  const all = signal();
  const stop = await consume(contender, (jobId) => {
    const at = publishedAt.get(jobId);
    if (at !== undefined && publishedAt.delete(jobId)) latencies.push(performance.now() - at);
    if (latencies.length === jobs.length) all.give();
    return Promise.resolve();
  });
  const sent: Promise<void>[] = [];
  const begun = performance.now();
  let next = 0;
  while (next < jobs.length) {
    await sleep(TICK_MS);
    const due = jobs.slice(next, Math.ceil(seconds(begun) * perSecond));
    if (due.length === 0) continue;
    next += due.length;
    const now = performance.now();
    for (const { jobId } of due) publishedAt.set(jobId, now);
    sent.push(contender.publish(due));
  }
  await Promise.all(sent);
  await inTime(all.given, () => `${jobs.length - latencies.length} jobs were never delivered`);
  await stop();
  return latencies;
}

/** The value that the given share of all lies below or at. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/**
 * On Ctrl-C the consumer ends before its broker does: BullMQ alone asks a PostgreSQL that is gone again and again
 * without a pause, and nothing else would get a turn.
 */
async function consume(contender: Contender, onJob: OnJob): Promise<() => Promise<void>> {
  const consuming = await contender.consume(onJob);
  return onInterrupt(() => consuming.stop());
}

function signal(): { readonly given: Promise<void>; readonly give: () => void } {
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

const seconds = (since: number): number => (performance.now() - since) / 1000;

async function inTime(work: Promise<void>, complaint: () => string): Promise<void> {
  const timeout = new AbortController();
  const late = sleep(PATIENCE_MS, 'late' as const, { signal: timeout.signal }).catch(() => null);
  const end = await Promise.race([work, late]);
  timeout.abort();
  if (end === 'late') throw new Error(complaint());
}
