import { statSync } from 'node:fs';

/**
 * What takes longest, as last measured, longest first. Jest itself begins with the largest files until it has measured a
 * run on this machine: then the last of the long ones ran alone at the end, and whoever came from a fresh clone waited.
 */
const LONG = [
  'conformance/kafka.spec.ts',
  'e2e/rehearse.spec.ts',
  'races/races.spec.ts',
  'conformance/bullmq-postgres.spec.ts',
  'kill/broker-loss.spec.ts',
  'ledger/checks.spec.ts',
  'ledger/properties.spec.ts',
  'kill/kill.spec.ts',
  'conformance/streams.spec.ts',
  'conformance/bullmq-redis.spec.ts',
  'embedded/lifetime.spec.ts',
  'kill/cluster.spec.ts',
  'e2e/stop.spec.ts',
  'embedded/making.spec.ts',
  'api/bad-input.spec.ts',
  'api/export.spec.ts',
  'api/refunds.spec.ts',
  'api/payments.spec.ts',
  'e2e/roles.spec.ts',
  'rehearse/rehearsal.spec.ts',
];

/** The order in which files are begun: the long ones, then the others by their size. */
export default class LongestFirst {
  sort(tests) {
    const order = tests.map((test) => {
      const place = LONG.findIndex((name) => test.path.endsWith(name));
      return { test, place: place < 0 ? LONG.length : place, size: statSync(test.path).size };
    });
    order.sort((a, b) => a.place - b.place || b.size - a.size);
    return order.map(({ test }) => test);
  }

  /** Nothing is remembered from one run to the next: `--onlyFailures` runs all. */
  cacheResults() {}
  allFailedTests(tests) {
    return tests;
  }
}
