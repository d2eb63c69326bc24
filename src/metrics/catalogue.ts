/**
 * Every metric of our own. `docs/metrics.md` is generated from this table and a test compares the two.
 *
 * No label holds the id of a user or a booking, and each has a bounded number of values: `offer` at most
 * `MAX_LISTED_OFFERS` and `other`, `reason` at most `MAX_REASONS` and `OTHER`.
 */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram, in the unit that the name says. */
  readonly buckets?: readonly number[];
  /**
   * How the processes of one machine add up. What the ledger or the broker says is the same for all of them, so
   * that the largest is taken, not the sum. Default `sum`.
   */
  readonly aggregator?: 'max';
}

export const MAX_LISTED_OFFERS = 100;
export const MAX_REASONS = 50;

export const METRICS = {
  fairline_bookings_accepted_total: {
    kind: 'counter',
    help: 'Bookings that joined a line: committed and answered 202. Repeated requests are not counted.',
  },
  fairline_bookings_refused_total: {
    kind: 'counter',
    help: 'Requests to join a line that were refused, by the code of the answer.',
    labels: ['code'],
  },
  fairline_rate_limited_total: {
    kind: 'counter',
    help: 'Calls that were refused as one too many (429), by the limit that they met.',
    labels: ['limit'],
  },
  fairline_rate_limit_keys: {
    kind: 'gauge',
    help: 'Customers or addresses that a limit remembers in memory.',
    labels: ['limit'],
  },
  fairline_rate_limit_store_away: {
    kind: 'gauge',
    help: '1 while the store through which processes share their limits does not answer: each counts alone.',
    aggregator: 'max',
  },
  fairline_challenges_total: {
    kind: 'counter',
    help: 'Challenges before an acceptance: passed, required (none was shown), failed, or outage (nobody could say).',
    labels: ['outcome'],
  },
  fairline_accept_batch_size: {
    kind: 'histogram',
    help: 'Requests in one commit of the accept path.',
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
  },
  fairline_accept_seconds: {
    kind: 'histogram',
    help: 'Time of one commit of the accept path, from sending the batch to the durable answer, with what is left of the batch before it.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  fairline_holds_granted_total: { kind: 'counter', help: 'Bookings that won a hold.' },
  fairline_holds_expired_total: {
    kind: 'counter',
    help: 'Holds that ended unpaid and went to the next in line.',
  },
  fairline_bookings_settled_total: {
    kind: 'counter',
    help: 'Bookings that came to a state where no more is owed.',
    labels: ['state'],
  },
  fairline_jobs_handled_total: {
    kind: 'counter',
    help: 'Deliveries of jobs, by how they ended: done, retried or dead. Its rate is the processing rate.',
    labels: ['type', 'outcome'],
  },
  fairline_job_wait_seconds: {
    kind: 'histogram',
    help: 'Lag of the queue: time from the publication of a job to its first delivery.',
    labels: ['type'],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  fairline_job_seconds: {
    kind: 'histogram',
    help: 'Time that one delivery of a job took.',
    labels: ['type'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  fairline_step_seconds: {
    kind: 'histogram',
    help: 'Time of one step of fulfilment that succeeded.',
    labels: ['step'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  fairline_step_retries_total: {
    kind: 'counter',
    help: 'Steps of fulfilment that failed and will be tried again.',
    labels: ['step'],
  },
  fairline_dead_letters_total: {
    kind: 'counter',
    help: 'Jobs that failed for good, by reason.',
    labels: ['reason'],
  },
  fairline_remote_calls_total: {
    kind: 'counter',
    help: 'Calls of other services, repetitions included, by how they ended: ok, refused, unknown (perhaps it arrived) or unsent.',
    labels: ['service', 'outcome'],
  },
  fairline_remote_call_seconds: {
    kind: 'histogram',
    help: 'Time of one call of another service, repetitions included.',
    labels: ['service'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  fairline_remote_told_total: {
    kind: 'counter',
    help: 'Tellings to the ticket and the booking service (reserve, confirm, release) by what became of them: told, later or refused.',
    labels: ['service', 'kind', 'outcome'],
  },
  fairline_remote_differences_total: {
    kind: 'counter',
    help: 'Answers of the ticket service about an offer that opens which are not what the ledger says.',
  },
  fairline_remote_pushes_dropped_total: {
    kind: 'counter',
    help: 'Pushes to the realtime service that were given up: it was away, or there were too many.',
  },
  fairline_line_waiting: {
    kind: 'gauge',
    help: 'Length of the line: bookings that wait.',
    labels: ['offer'],
    aggregator: 'max',
  },
  fairline_line_grants_per_minute: {
    kind: 'gauge',
    help: 'Holds granted in a minute, as the estimated wait uses it.',
    labels: ['offer'],
    aggregator: 'max',
  },
  fairline_stock_units: {
    kind: 'gauge',
    help: 'Units of stock: capacity, available, held and sold.',
    labels: ['offer', 'kind'],
    aggregator: 'max',
  },
  fairline_queue_jobs: {
    kind: 'gauge',
    help: 'Jobs on the broker: waiting (the depth), active, delayed and dead.',
    labels: ['type', 'state'],
    aggregator: 'max',
  },
  fairline_queue_paused: { kind: 'gauge', help: '1 while the queue is paused.', aggregator: 'max' },
  fairline_invariant_violations: {
    kind: 'gauge',
    help: 'Broken invariants that are cheap enough to be watched. F1: offers where capacity is not available + held + sold, or one of them is negative. Must be 0.',
    labels: ['invariant'],
    aggregator: 'max',
  },
  fairline_audit_unsealed_seconds: {
    kind: 'gauge',
    help: 'Age of the oldest audit row outside the hash chain. Must stay below 60 (F6).',
    aggregator: 'max',
  },
  fairline_erasures_put_off: {
    kind: 'gauge',
    help: 'Bookings that DATA_RETENTION_DAYS would erase and whose erasure failed: each is tried again every day, and the worker logs why. Must be 0.',
    aggregator: 'max',
  },
  fairline_remote_up: {
    kind: 'gauge',
    help: '1 where calls of the service go out, 0 where its circuit breaker lets none through; of the gateway, whether it answered last.',
    labels: ['service'],
  },
  fairline_remote_tellings: {
    kind: 'gauge',
    help: 'Tellings that are due, and those that were refused for good and set aside.',
    labels: ['service', 'state'],
    aggregator: 'max',
  },
  fairline_remote_oldest_telling_seconds: {
    kind: 'gauge',
    help: 'Age of the oldest telling that is due.',
    labels: ['service'],
    aggregator: 'max',
  },
  fairline_source_missing: {
    kind: 'gauge',
    help: '1 where the ledger or the queue could not be read in time for this scrape: its gauges are left out, not stale.',
    labels: ['source'],
    aggregator: 'max',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
