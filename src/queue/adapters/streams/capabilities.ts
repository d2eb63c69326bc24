import type { QueueCapabilities } from '../../job-queue.js';

export const CAPABILITIES: QueueCapabilities = {
  orderByKey: false,
  priorities: true,
  delay: true,
  rateLimit: 'global',
  progress: true,
  globalPause: true,
};
