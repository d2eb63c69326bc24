import type { QueueCapabilities } from '../../job-queue.js';

export const CAPABILITIES: QueueCapabilities = {
  orderByKey: true,
  priorities: true,
  delay: true,
  rateLimit: 'process',
  progress: false,
  globalPause: true,
};
