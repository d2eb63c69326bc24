import type { QueueCapabilities } from '../../src/queue/job-queue.js';

/** What BullMQ can do, on either of its backends. */
export const BULLMQ: QueueCapabilities = {
  orderByKey: false,
  priorities: true,
  delay: true,
  rateLimit: 'global',
  progress: true,
  globalPause: true,
};
