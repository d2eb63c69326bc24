import { BullModule, getQueueToken } from '@nestjs/bullmq';
import type { LazyModuleLoader } from '@nestjs/core';
import {
  type BackendFactory,
  type ConnectionOptions,
  type IQueueBackend,
  Queue,
  type QueueOptions,
} from 'bullmq';

/** Every finished or dead job goes; this bounds what BullMQ keeps of their events. */
const EVENTS_KEPT = 1000;

interface BackedOptions extends QueueOptions {
  readonly backends: BackendFactory;
}

/**
 * The id of a job inside BullMQ. On Redis a job's key is its id in the name space of its queue, where BullMQ has
 * keys of its own: a job called `delayed` would be taken for the set of delayed jobs.
 */
export const bullJobId = (jobId: string): string => `job-${jobId}`;

/** BullMQ's queue, on the backend that its options name: `@nestjs/bullmq` itself would pass none. */
export class BullQueue extends Queue<
  unknown,
  void,
  string,
  unknown,
  void,
  string,
  IQueueBackend,
  ConnectionOptions
> {
  constructor(name: string, options: BackedOptions) {
    super(name, options, options.backends);
  }
}

/** Registers these queues with `BullModule`; the module is loaded only where BullMQ is what was chosen. */
export async function registerQueues(
  loader: LazyModuleLoader,
  names: readonly string[],
  backends: BackendFactory,
): Promise<ReadonlyMap<string, BullQueue>> {
  BullModule.queueClass = BullQueue;
  const options = names.map((name) => ({
    name,
    // the backends bring their own connection; BullMQ wants the option to be there
    connection: {},
    backends,
    streams: { events: { maxLen: EVENTS_KEPT } },
  }));
  const module = await loader.load(() => BullModule.registerQueue(...options), { logger: false });
  const queues = new Map<string, BullQueue>();
  for (const name of names) queues.set(name, module.get<BullQueue>(getQueueToken(name), { strict: false }));
  await Promise.all([...queues.values()].map((queue) => queue.waitUntilReady()));
  return queues;
}
