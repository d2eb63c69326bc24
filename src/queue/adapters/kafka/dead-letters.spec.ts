import { KafkaDeadLetters } from './dead-letters.js';
import type { Outgoing } from './publisher.js';

const TOPIC = 'queue-fulfil-dead';

/** A type whose last three copies are kept, and a topic that takes everything and tells it at once. */
function setUp() {
  const written: Outgoing[] = [];
  const caughtUp = (): Promise<void> => Promise.resolve();
  const send = (records: readonly Outgoing[]): Promise<void> => {
    for (const record of records) {
      written.push(record);
      const { key, value } = record.message;
      dead.read(record.topic, String(key), value === null ? null : String(value));
    }
    return Promise.resolve();
  };
  const dead = new KafkaDeadLetters('queue', { caughtUp }, send, 3);
  let deaths = 0;
  const die = (jobId: string): void => {
    deaths += 1;
    const failedAt = new Date(deaths * 1000).toISOString();
    const data = { bookingId: jobId, fence: 1, correlationId: 'test' };
    const message = { jobId, type: 'booking.fulfil', data, timestamp: new Date(0).toISOString() };
    dead.read(TOPIC, jobId, JSON.stringify({ ...message, reason: 'GONE', attempts: 1, failedAt }));
  };
  const listed = async (): Promise<string[]> => (await dead.list(10)).map(({ jobId }) => jobId);
  return { dead, die, listed, written };
}

describe('Copies of dead letters on Kafka', () => {
  it('are kept in memory up to a bound, the newest ones', async () => {
    const { dead, die, listed } = setUp();
    for (const jobId of ['a', 'b', 'c', 'd', 'e']) die(jobId);
    expect(await listed()).toEqual(['e', 'd', 'c']);
    expect(dead.count('booking.fulfil')).toBe(3);
    // one that dies again is a new one
    die('c');
    expect(await listed()).toEqual(['c', 'e', 'd']);
  });

  it('can be removed also where they are in the topic alone', async () => {
    const { dead, die, written } = setUp();
    for (const jobId of ['a', 'b', 'c']) die(jobId);
    expect(await dead.remove('never-there')).toBe(false);
    expect(written).toEqual([]);
    die('d');
    expect(await dead.remove('a')).toBe(true);
    expect(written).toMatchObject([{ topic: TOPIC, message: { key: 'a', value: null } }]);
  });

  it('are told anew from the beginning when the topic is read anew', async () => {
    const { dead, die, listed } = setUp();
    for (const jobId of ['a', 'b', 'c', 'd']) die(jobId);
    dead.forget();
    expect(await listed()).toEqual([]);
    expect(await dead.remove('a')).toBe(false);
  });
});
