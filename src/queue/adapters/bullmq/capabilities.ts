import type { QueueCapabilities } from '../../job-queue.js';

/** On either of its backends. */
export const CAPABILITIES: QueueCapabilities = {
  orderByKey: false,
  priorities: true,
  delay: true,
  rateLimit: 'global',
  progress: true,
  globalPause: true,
};
