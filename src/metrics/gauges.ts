import type { Gauge } from 'prom-client';
import type { METRICS, MetricName } from './catalogue.js';
import type { Sources } from './sources.js';

export type GaugeName = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends 'gauge' ? Name : never;
}[MetricName];

/** One value of a gauge with its labels. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** How each gauge is read when somebody scrapes: null where its source did not answer in time. */
const READ: Readonly<Record<GaugeName, (sources: Sources) => Promise<readonly Sample[] | null>>> = {
  fairline_line_waiting: fromLedger(({ lines }) =>
    lines.map(({ offer, waiting }): Sample => [{ offer }, waiting]),
  ),
  fairline_line_grants_per_minute: fromLedger(({ lines }) =>
    lines.map(({ offer, grantsPerMinute }): Sample => [{ offer }, grantsPerMinute]),
  ),
  fairline_stock_units: fromLedger(({ lines }) =>
    lines.flatMap(({ offer, stock }) =>
      Object.entries(stock).map(([kind, units]): Sample => [{ offer, kind }, units]),
    ),
  ),
  fairline_invariant_violations: fromLedger(({ brokenOffers }) => [[{ invariant: 'F1' }, brokenOffers]]),
  fairline_audit_unsealed_seconds: fromLedger(({ unsealedSeconds }) => [[{}, unsealedSeconds]]),
  fairline_erasures_put_off: fromLedger(({ erasuresPutOff }) => [[{}, erasuresPutOff]]),
  fairline_queue_jobs: fromQueue(({ types }) =>
    Object.entries(types).flatMap(([type, counts]) =>
      Object.entries(counts).map(([state, jobs]): Sample => [{ type, state }, Number(jobs)]),
    ),
  ),
  fairline_queue_paused: fromQueue(({ paused }) => [[{}, paused ? 1 : 0]]),
  fairline_rate_limit_keys: ({ limits }) =>
    Promise.resolve([...limits.keys()].map(([limit, keys]): Sample => [{ limit }, keys])),
  fairline_rate_limit_store_away: ({ limits }) => Promise.resolve([[{}, limits.isStoreAway() ? 1 : 0]]),
  fairline_remote_up: ({ remotes }) =>
    Promise.resolve(
      [...remotes.states()].map(([service, state]): Sample => [{ service }, state === 'up' ? 1 : 0]),
    ),
  fairline_remote_tellings: async ({ tellings }) =>
    (await tellings.get())?.map(({ service, state, tellings: number }): Sample => [
      { service, state },
      number,
    ]) ?? null,
  fairline_remote_oldest_telling_seconds: async ({ tellings }) =>
    (await tellings.get())
      ?.filter(({ state }) => state === 'due')
      .map(({ service, oldestSeconds }): Sample => [{ service }, oldestSeconds]) ?? null,
  fairline_source_missing: async ({ ledger, queue }) => {
    const [fromLedger, fromBroker] = await Promise.all([ledger.get(), queue.get()]);
    return [
      [{ source: 'ledger' }, fromLedger === null ? 1 : 0],
      [{ source: 'queue' }, fromBroker === null ? 1 : 0],
    ];
  },
};

export const isGaugeName = (metric: string): metric is GaugeName => Object.hasOwn(READ, metric);

/** Sets a gauge to what its source says now; a gauge whose source is silent shows nothing rather than the past. */
export async function collect(name: GaugeName, gauge: Gauge, sources: Sources): Promise<void> {
  const samples = await READ[name](sources);
  gauge.reset();
  // A gauge without labels is 0 after a reset, which would be a lie.
  if (samples === null) gauge.remove({});
  for (const [labels, value] of samples ?? []) gauge.set(labels, value);
}

type FromSource<Key extends 'ledger' | 'queue'> = NonNullable<Awaited<ReturnType<Sources[Key]['get']>>>;

function fromLedger(samples: (ledger: FromSource<'ledger'>) => readonly Sample[]) {
  return async (sources: Sources): Promise<readonly Sample[] | null> => {
    const value = await sources.ledger.get();
    return value === null ? null : samples(value);
  };
}

function fromQueue(samples: (queue: FromSource<'queue'>) => readonly Sample[]) {
  return async (sources: Sources): Promise<readonly Sample[] | null> => {
    const value = await sources.queue.get();
    return value === null ? null : samples(value);
  };
}
