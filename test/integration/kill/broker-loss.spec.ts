import { describeWithRedis } from '../../support/redis.js';
import { sellThrough } from './broker-loss.js';

describeWithRedis('On Redis', () => {
  it(
    'a sale goes on after FLUSHALL in the middle of it',
    () =>
      sellThrough('streams', {
        ...{ count: 60, arriveMs: 3000, withinMs: 100_000 },
        happens: (broker) => broker.wipe(),
      }),
    180_000,
  );
});
