import { Failures, readingOf } from './failures.js';

const BROKER = 'Kafka at 10.0.0.1:9092';
const ofKafka = (type: string): Error => Object.assign(new Error(type), { type });

describe('The memory of failures', () => {
  let now = 0;
  let failures: Failures;
  beforeEach(() => {
    now = 1_000_000;
    failures = new Failures(BROKER, () => now);
  });
  const asked = (): unknown => {
    try {
      failures.assertNone();
      return null;
    } catch (error) {
      return error;
    }
  };

  it('tells a failure until the same goes well, however long that takes', () => {
    failures.failed('a-topic', ofKafka('NOT_ENOUGH_REPLICAS'));
    now += 3_600_000;
    expect(asked()).toMatchObject({ code: 'BROKER_FAILED', detail: 'NOT_ENOUGH_REPLICAS' });
    failures.went('a-topic');
    expect(asked()).toBeNull();
  });

  it('tells a consumer that has no place because others come and go from one that may have none', () => {
    failures.away('group', ofKafka('UNKNOWN_MEMBER_ID'));
    expect(asked()).toMatchObject({ code: 'BROKER_GROUP_UNSETTLED' });
    failures.away('group', ofKafka('GROUP_AUTHORIZATION_FAILED'));
    expect(asked()).toMatchObject({ code: 'BROKER_NOT_AUTHORIZED' });
    failures.went(readingOf('group'));
    expect(asked()).toBeNull();
  });

  it('forgets a failure when the same goes well, and no other', async () => {
    failures.failed('a-topic', ofKafka('TOPIC_AUTHORIZATION_FAILED'));
    failures.went('another-topic');
    expect(asked()).toMatchObject({ code: 'BROKER_NOT_AUTHORIZED' });
    await failures.watch('a-topic', Promise.resolve());
    expect(asked()).toBeNull();
  });

  it('takes a rebalance for nobody’s failure', async () => {
    const late = Promise.reject(ofKafka('REBALANCE_IN_PROGRESS'));
    await expect(failures.watch('commits', late)).rejects.toThrow('REBALANCE_IN_PROGRESS');
    expect(asked()).toBeNull();
  });

  it('knows why no coordinator was found, where a group was refused before', () => {
    const missing = Object.assign(new Error('none'), { name: 'KafkaJSGroupCoordinatorNotFound' });
    expect(failures.named(missing).code).toBe('BROKER_FAILED');
    failures.groupRefused();
    expect(failures.named(missing)).toMatchObject({
      code: 'BROKER_NOT_AUTHORIZED',
      detail: 'GROUP_AUTHORIZATION_FAILED',
    });
  });
});
