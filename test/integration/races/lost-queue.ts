import {
  JobQueue,
  type ConsumerActivity,
  type Consumption,
  type DeadLetters,
  type QueueCounts,
  type QueueFigures,
} from '../../../src/queue/job-queue.js';
import { Notifier } from '../../../src/realtime/notifier.js';

/** A broker that loses every message: in a race the test itself says who carries a booking on, and when. */
export class LostQueue extends JobQueue {
  readonly capabilities = {
    ...{ orderByKey: false, priorities: false, delay: false, progress: false, globalPause: false },
    rateLimit: 'process' as const,
  };
  readonly deadLetters: DeadLetters = { list: async () => [], remove: async () => false };
  async publish(): Promise<void> {}
  async consume(): Promise<Consumption> {
    return { stop: async () => undefined };
  }
  counts(): Promise<QueueCounts> {
    return Promise.reject(new Error('nobody counts here'));
  }
  figures(): Promise<QueueFigures> {
    return Promise.reject(new Error('nobody counts here'));
  }
  activity(): readonly ConsumerActivity[] {
    return [];
  }
  async pause(): Promise<void> {}
  async resume(): Promise<void> {}
  async ping(): Promise<void> {}
  async close(): Promise<void> {}
}

export class NobodyToTell extends Notifier {
  readonly connected = true;
  bookings(): void {}
  progress(): void {}
  line(): void {}
  async close(): Promise<void> {}
}
