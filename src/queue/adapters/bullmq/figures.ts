import type { ChannelFigures, JobType, TypeCounts } from '../../job-queue.js';
import type { BullQueue } from './bull-queues.js';

/** The queues of one type of job, by name. BullMQ keeps what is delayed apart, inside the queue of work. */
export function channelsOf(
  type: JobType,
  { waiting, active, delayed, dead }: TypeCounts,
  names: { readonly work: string; readonly dead: string },
): ChannelFigures[] {
  const plain = { type, groups: [], partitions: [] };
  return [
    { ...plain, name: names.work, holds: 'work', depth: waiting + active },
    { ...plain, name: `${names.work}:delayed`, holds: 'delayed', depth: delayed },
    { ...plain, name: names.dead, holds: 'dead', depth: dead },
  ];
}

/**
 * Workers on this queue, over all processes: BullMQ names the connection of each. Null where the broker does not
 * let its connections be listed: hosted ones may not know the command (BullMQ then answers with one entry that is no
 * worker), and rights may not cover it.
 */
export async function workersOf(queue: BullQueue): Promise<number | null> {
  const workers = await queue.getWorkers().catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return null;
    throw error;
  });
  if (workers === null) return null;
  return workers.every((worker) => 'rawname' in worker) ? workers.length : null;
}
