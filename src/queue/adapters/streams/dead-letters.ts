import type { DeadJob, DeadLetters } from '../../job-queue.js';
import { parseDeadJob } from '../../message.js';
import type { Connection } from './connection.js';
import { everyType, type KeysByType, type TypeKeys } from './keys.js';
import { REMOVE_DEAD } from './upkeep-scripts.js';

/** The copies of what failed for good, one stream per type that nobody consumes. The consumer that gives up writes it. */
export class StreamsDeadLetters implements DeadLetters {
  constructor(
    private readonly redis: Connection,
    private readonly keys: KeysByType,
  ) {}

  async list(limit: number): Promise<DeadJob[]> {
    if (limit < 1) return [];
    const lists = await Promise.all(everyType(this.keys).map((keys) => this.listType(keys, limit)));
    return lists
      .flat()
      .sort((a, b) => (a.failedAt < b.failedAt ? 1 : -1))
      .slice(0, limit);
  }

  async remove(jobId: string): Promise<boolean> {
    const removed = await Promise.all(
      everyType(this.keys).map(({ dead, deadIds }) => this.redis.run(REMOVE_DEAD, [dead, deadIds], [jobId])),
    );
    return removed.some((count) => Number(count) > 0);
  }

  private async listType({ type, dead }: TypeKeys, limit: number): Promise<DeadJob[]> {
    const entries = await this.redis.newest(dead, limit);
    return entries.flatMap(([, fields]) => parseDeadJob(type, copyIn(fields)) ?? []);
  }
}

function copyIn(fields: readonly string[]): unknown {
  try {
    return JSON.parse(fields[fields.indexOf('d') + 1] ?? '');
  } catch {
    return null;
  }
}
