import { CAPABILITIES as BULLMQ } from '../../src/queue/adapters/bullmq/capabilities.js';
import { CAPABILITIES as KAFKA } from '../../src/queue/adapters/kafka/capabilities.js';
import { CAPABILITIES as STREAMS } from '../../src/queue/adapters/streams/capabilities.js';
import type { QueueCapabilities, QueueTechnology } from '../../src/queue/job-queue.js';

/** What each technology declares, in the order of the documents. */
const CAPABILITIES: Readonly<Record<QueueTechnology, QueueCapabilities>> = {
  'bullmq-postgres': BULLMQ,
  'bullmq-redis': BULLMQ,
  streams: STREAMS,
  kafka: KAFKA,
};

/** What each capability means to an operator. */
const MEANINGS: Readonly<Record<keyof QueueCapabilities, string>> = {
  orderByKey: 'Jobs of one booking, or of one offer, are handled in the order of publication',
  priorities: 'Urgent jobs go first',
  delay: 'A job can be published for later',
  rateLimit: 'A rate limit holds over',
  progress: 'The broker keeps the progress of a job',
  globalPause: 'A pause stops every process',
};

const RATE_LIMIT = { global: 'all processes', process: 'each process' } as const;

function told(value: QueueCapabilities[keyof QueueCapabilities]): string {
  if (typeof value === 'string') return RATE_LIMIT[value];
  return value ? 'yes' : 'no';
}

/** Head and rows of the table of capabilities. */
export function capabilityTable(): { head: string[]; rows: string[][] } {
  const all = Object.values(CAPABILITIES);
  const names = Object.keys(MEANINGS) as (keyof QueueCapabilities)[];
  return {
    head: ['', 'BullMQ on PostgreSQL', 'BullMQ on Redis', 'Redis Streams', 'Kafka'],
    rows: names.map((name) => [
      `${MEANINGS[name]} (\`${name}\`)`,
      ...all.map((capabilities) => told(capabilities[name])),
    ]),
  };
}
