import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Report } from './connection.js';
import type { Entry } from './entry.js';
import { GROUP, streamAt, type TypeKeys } from './keys.js';
import { FINISH } from './scripts.js';

const BATCH = 1000;
const RETRY_MS = 500;

/** What is done is acknowledged in batches, one under way at a time, and tried again until Redis was told. */
export class Acknowledgements {
  /** By position of the stream. */
  private waiting = new Map<number, string[]>();
  private flushing: Promise<void> = Promise.resolve();
  private isFlushing = false;
  private hasGivenUp = false;

  constructor(
    private readonly redis: Pick<Connection, 'run'>,
    private readonly keys: TypeKeys,
    private readonly report: Report,
  ) {}

  add({ position, id }: Pick<Entry, 'position' | 'id'>): void {
    const ids = this.waiting.get(position);
    if (ids === undefined) this.waiting.set(position, [id]);
    else ids.push(id);
    if (!this.isFlushing) this.flushing = this.flush();
  }

  /** Resolves when Redis was told of all, or when that was given up. Never rejects. */
  async told(): Promise<void> {
    await this.flushing;
  }

  /** What Redis was not told of is delivered again. */
  giveUp(): void {
    this.hasGivenUp = true;
  }

  private async flush(): Promise<void> {
    this.isFlushing = true;
    // what is done in the same turn goes in the same batch
    await turn();
    while (this.waiting.size > 0 && !this.hasGivenUp) {
      const batches = this.waiting;
      this.waiting = new Map();
      const sent = await Promise.all([...batches].map(([position, ids]) => this.send(position, ids)));
      if (!sent.every(Boolean)) await sleep(RETRY_MS, undefined, { ref: false });
    }
    // in the turn of the last look: what is done a moment later begins a flush of its own
    this.isFlushing = false;
  }

  private async send(position: number, ids: readonly string[]): Promise<boolean> {
    for (let from = 0; from < ids.length; from += BATCH) {
      try {
        const batch = ids.slice(from, from + BATCH);
        await this.redis.run(FINISH, [streamAt(this.keys, position)], [GROUP, batch.join(' ')]);
      } catch (error) {
        this.report('acknowledging', error);
        this.waiting.set(position, [...(this.waiting.get(position) ?? []), ...ids.slice(from)]);
        return false;
      }
    }
    return true;
  }
}
