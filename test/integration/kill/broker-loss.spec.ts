import { describeWithKafka } from '../../support/kafka.js';
import { describeWithRedis } from '../../support/redis.js';
import { sellThrough } from './broker-loss.js';

const SMALL = { count: 60, arriveMs: 3000, withinMs: 100_000 };

describeWithRedis('On Redis', () => {
  it(
    'a sale goes on after FLUSHALL in the middle of it',
    () => sellThrough('streams', { ...SMALL, happens: (broker) => broker.wipe() }),
    180_000,
  );
});

describeWithKafka('On Kafka', () => {
  it(
    'a sale goes on after its topics were deleted in the middle of it',
    () => sellThrough('kafka', { ...SMALL, happens: (broker) => broker.wipe() }),
    240_000,
  );
});
