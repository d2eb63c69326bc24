import { goneFor, sellThrough } from '../integration/kill/broker-loss.js';

const TECHNOLOGIES = ['bullmq-redis', 'streams', 'kafka'] as const;

/** Redis persists nothing here: it comes back empty. */
describe.each(TECHNOLOGIES)('a sale on %s', (technology) => {
  it.each([
    ['a moment', 1000],
    ['a minute', 60_000],
  ])(
    'goes on after its broker was killed and away for %s, and the door was open meanwhile',
    (_, ms) =>
      sellThrough(technology, {
        ...{ count: 200, arriveMs: 10_000, withinMs: 200_000 },
        happens: goneFor(ms),
      }),
    420_000,
  );
});

describe('a sale on kafka', () => {
  it(
    'goes on after its topics were deleted in the middle of it',
    () =>
      sellThrough('kafka', {
        ...{ count: 60, arriveMs: 3000, withinMs: 100_000 },
        happens: (broker) => broker.wipe(),
      }),
    240_000,
  );
});
