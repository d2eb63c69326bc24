import { randomUUID } from 'node:crypto';
import type { Message } from 'kafkajs';
import { TimeOrderedIds } from '../../../common/ids.js';
import { evenPartitioner } from './even-partitioner.js';

describe('The partition of a job', () => {
  const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
    ...{ partitionId, partitionErrorCode: 0, leader: 1 },
    ...{ replicas: [], isr: [] },
  }));
  const choose = evenPartitioner();
  const of = (message: Omit<Message, 'value'>): number =>
    choose({ topic: 'work', partitionMetadata, message: { value: null, ...message } });

  it('is each in turn for bookings that came one after the other', () => {
    const ids = new TimeOrderedIds();
    const counts = new Map<number, number>();
    for (let made = 0; made < 120; made += 1) {
      const partition = of({ key: ids.next() });
      counts.set(partition, (counts.get(partition) ?? 0) + 1);
    }
    expect(counts.size).toBe(12);
    // the numbers begin anew after 2,048, in the middle of a turn
    for (const count of counts.values()) expect(Math.abs(count - 10)).toBeLessThanOrEqual(1);
  });

  it('is the same for the same key, whatever that is, and lies among those there are', () => {
    for (const key of [new TimeOrderedIds().next(), randomUUID(), 'concert:standing']) {
      const partition = of({ key });
      expect(evenPartitioner()({ topic: 'work', partitionMetadata, message: { key, value: null } })).toBe(
        partition,
      );
      expect(partition).toBeGreaterThanOrEqual(0);
      expect(partition).toBeLessThan(12);
    }
  });

  it('is the one that is named where one is', () => {
    expect(of({ key: new TimeOrderedIds().next(), partition: 0 })).toBe(0);
  });
});
