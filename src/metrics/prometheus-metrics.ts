import { Injectable, type Provider } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import { Counter, Histogram, type Gauge } from 'prom-client';
import type { BookingState, StepName } from '../booking/booking.js';
import type { ErrorCode } from '../common/errors.js';
import type { LimitName } from '../config/rate-limits.js';
import type { TellingEnd, TellingKind, ToldService } from '../booking/ledger/tellings.js';
import type { JobType } from '../queue/job-queue.js';
import type { CallOutcome, RemoteName } from '../remote/remotes.js';
import { MAX_REASONS, METRICS, type MetricDefinition, type MetricName } from './catalogue.js';
import { collect, isGaugeName } from './gauges.js';
import { Metrics, type ChallengeOutcome, type JobOutcome } from './metrics.js';
import { Sources } from './sources.js';

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** The metrics of the catalogue in prom-client's registry, the only one of the process. */
@Injectable()
export class PrometheusMetrics extends Metrics {
  @InjectMetric(name('fairline_bookings_accepted_total')) private readonly bookingsAccepted!: Counter;
  @InjectMetric(name('fairline_bookings_refused_total')) private readonly bookingsRefused!: Counter;
  @InjectMetric(name('fairline_rate_limited_total')) private readonly callsLimited!: Counter;
  @InjectMetric(name('fairline_challenges_total')) private readonly challenges!: Counter;
  @InjectMetric(name('fairline_accept_batch_size')) private readonly acceptBatchSize!: Histogram;
  @InjectMetric(name('fairline_accept_seconds')) private readonly acceptSeconds!: Histogram;
  @InjectMetric(name('fairline_holds_granted_total')) private readonly holdsGranted!: Counter;
  @InjectMetric(name('fairline_holds_expired_total')) private readonly holdsExpired!: Counter;
  @InjectMetric(name('fairline_bookings_settled_total')) private readonly bookingsSettled!: Counter;
  @InjectMetric(name('fairline_jobs_handled_total')) private readonly jobsHandled!: Counter;
  @InjectMetric(name('fairline_job_wait_seconds')) private readonly jobWaitSeconds!: Histogram;
  @InjectMetric(name('fairline_job_seconds')) private readonly jobSeconds!: Histogram;
  @InjectMetric(name('fairline_step_seconds')) private readonly stepSeconds!: Histogram;
  @InjectMetric(name('fairline_step_retries_total')) private readonly stepRetries!: Counter;
  @InjectMetric(name('fairline_dead_letters_total')) private readonly deadLetters!: Counter;
  @InjectMetric(name('fairline_remote_calls_total')) private readonly remoteCalls!: Counter;
  @InjectMetric(name('fairline_remote_call_seconds')) private readonly remoteCallSeconds!: Histogram;
  @InjectMetric(name('fairline_remote_told_total')) private readonly remoteTold!: Counter;
  @InjectMetric(name('fairline_remote_differences_total')) private readonly remoteDifferences!: Counter;
  @InjectMetric(name('fairline_remote_pushes_dropped_total')) private readonly remotePushesDropped!: Counter;
  private readonly reasons = new Set<string>();

  override accepted(bookings: number, batchSize: number, seconds: number): void {
    this.bookingsAccepted.inc(bookings);
    this.acceptBatchSize.observe(batchSize);
    this.acceptSeconds.observe(seconds);
  }

  override refused(code: ErrorCode, requests = 1): void {
    this.bookingsRefused.inc({ code }, requests);
  }

  override rateLimited(limit: LimitName): void {
    this.callsLimited.inc({ limit });
  }

  override challenged(outcome: ChallengeOutcome): void {
    this.challenges.inc({ outcome });
  }

  override granted(bookings: number): void {
    this.holdsGranted.inc(bookings);
  }

  override expired(holds: number): void {
    this.holdsExpired.inc(holds);
  }

  override settled(state: BookingState, bookings = 1): void {
    this.bookingsSettled.inc({ state }, bookings);
  }

  override jobDelivered(type: JobType, waitedSeconds: number): void {
    // Clocks of publisher and worker may differ a little.
    this.jobWaitSeconds.observe({ type }, Math.max(0, waitedSeconds));
  }

  override jobHandled(type: JobType, outcome: JobOutcome, seconds: number): void {
    this.jobsHandled.inc({ type, outcome });
    this.jobSeconds.observe({ type }, seconds);
  }

  override stepSucceeded(step: StepName, seconds: number): void {
    this.stepSeconds.observe({ step }, seconds);
  }

  override retried(step: StepName): void {
    this.stepRetries.inc({ step });
  }

  override deadLettered(reason: string): void {
    this.deadLetters.inc({ reason: this.bounded(reason) });
  }

  override remoteCalled(service: RemoteName, outcome: CallOutcome, seconds: number): void {
    this.remoteCalls.inc({ service, outcome });
    this.remoteCallSeconds.observe({ service }, seconds);
  }

  override told(service: ToldService, kind: TellingKind, outcome: TellingEnd['outcome']): void {
    this.remoteTold.inc({ service, kind, outcome });
  }

  override differed(answers: number): void {
    this.remoteDifferences.inc(answers);
  }

  override pushesDropped(pushes: number): void {
    this.remotePushesDropped.inc(pushes);
  }

  /** A message of an error, or one reason too many, must not become a series of its own. */
  private bounded(reason: string): string {
    if (this.reasons.has(reason)) return reason;
    if (!CODE.test(reason) || this.reasons.size >= MAX_REASONS) return 'OTHER';
    this.reasons.add(reason);
    return reason;
  }
}

/** Every metric of the catalogue, for Nest to inject by name. */
export const metricProviders: Provider[] = Object.entries<MetricDefinition>(METRICS).map(
  ([metric, definition]) => provide(metric, definition),
);

function provide(metric: string, definition: MetricDefinition): Provider {
  const { kind, help, labels = [], buckets, aggregator = 'sum' } = definition;
  const options = { name: metric, help, labelNames: labels, aggregator } as const;
  switch (kind) {
    case 'counter':
      return makeCounterProvider(options);
    case 'histogram':
      return makeHistogramProvider({
        ...options,
        ...(buckets === undefined ? {} : { buckets: [...buckets] }),
      });
    case 'gauge':
      return makeGaugeProvider({ ...options, inject: [Sources], collect: collectorOf(metric) });
  }
}

function collectorOf(metric: string) {
  if (!isGaugeName(metric)) throw new TypeError(`Nobody knows how to read the gauge ${metric}`);
  return async function (this: Gauge, sources: Sources): Promise<void> {
    await collect(metric, this, sources);
  };
}

/** Checks the spelling at compile time. */
function name(metric: MetricName): MetricName {
  return metric;
}
