import type { QueueTechnology } from '../../src/queue/job-queue.js';
import { median, rounded } from '../support/statistics.js';
import { percentile, type Rates } from './measure.js';

/** One round of one target: the two were measured one right after the other. */
export interface Round {
  readonly ours: Rates;
  readonly raw: Rates;
}

/** What is told of one target; rates are jobs a second, medians over the rounds; ratios are medians of the rounds' own. */
export interface TargetResult {
  readonly publishRatio: number;
  readonly consumeRatio: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly publishPerSecond: number;
  readonly consumePerSecond: number;
  readonly rawPublishPerSecond: number;
  readonly rawConsumePerSecond: number;
  /** At which the latencies were measured. */
  readonly latencyPerSecond: number;
}

export interface Results {
  readonly targets: Readonly<Partial<Record<QueueTechnology, TargetResult>>>;
  /** Why what is not among the targets is not. */
  readonly leftOut: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly jobs: number;
  /** The machine's load average of the last minute when the run began. */
  readonly loadBefore: number;
}

export const RATES = ['publish', 'consume'] as const;

const rate = (rounds: readonly Round[], side: keyof Round, of: keyof Rates): number =>
  median(rounds.map((round) => round[side][of]));

const ratio = (rounds: readonly Round[], of: keyof Rates): number =>
  median(rounds.map(({ ours, raw }) => ours[of] / raw[of]));

/** A tenth of what our adapter does at its top, publishing or consuming, whichever is less. */
export const quietRate = (rounds: readonly Round[]): number =>
  Math.min(...RATES.map((of) => rate(rounds, 'ours', of))) / 10;

export function resultOf(rounds: readonly Round[], latencies: readonly number[]): TargetResult {
  return {
    publishRatio: rounded(ratio(rounds, 'publish')),
    consumeRatio: rounded(ratio(rounds, 'consume')),
    p50Ms: rounded(percentile(latencies, 0.5)),
    p99Ms: rounded(percentile(latencies, 0.99)),
    publishPerSecond: rounded(rate(rounds, 'ours', 'publish'), 0),
    consumePerSecond: rounded(rate(rounds, 'ours', 'consume'), 0),
    rawPublishPerSecond: rounded(rate(rounds, 'raw', 'publish'), 0),
    rawConsumePerSecond: rounded(rate(rounds, 'raw', 'consume'), 0),
    latencyPerSecond: rounded(quietRate(rounds), 0),
  };
}
