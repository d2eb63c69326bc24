import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Report } from './connection.js';
import type { Entry } from './entry.js';
import { GROUP, SERVED, streamAt, type TypeKeys } from './keys.js';
import { FINISH } from './scripts.js';

/** Ids in one script. */
const BATCH = 1000;
const RETRY_MS = 500;

/** Ids of what is done, by position of the stream, counted from 0. */
export type Done = readonly (readonly string[])[];

const none = (): string[][] => SERVED.map(() => []);

/**
 * What is done is acknowledged in batches, and told again until Redis knows it. Whoever takes jobs tells it by the way;
 * what nobody takes along is told in a command of its own.
 */
export class Acknowledgements {
  private waiting = none();
  /** Under way in a command of its own. */
  private sending: Done = [];
  private flushing: Promise<void> = Promise.resolve();
  private isFlushing = false;
  private hasGivenUp = false;
  /** Ends when those who take things along have their answer. */
  private taking: Promise<unknown> | null = null;

  constructor(
    private readonly redis: Pick<Connection, 'run'>,
    private readonly keys: TypeKeys,
    private readonly report: Report,
  ) {}

  add({ position, id }: Pick<Entry, 'position' | 'id'>): void {
    this.waiting[position - 1]?.push(id);
    if (!this.isFlushing) this.flushing = this.flush();
  }

  /** Tells what is done by the way of this command, as far as it goes into one. Rejects as the command does. */
  async along<R>(command: (done: Done) => Promise<R>): Promise<R> {
    const done = this.waiting.map((ids) => ids.splice(0, BATCH));
    const answer = command(done);
    this.taking = answer;
    try {
      return await answer;
    } catch (error) {
      // told again, if it was told: that changes nothing
      done.forEach((ids, index) => ids.forEach((id) => this.add({ position: index + 1, id })));
      throw error;
    } finally {
      this.taking = null;
    }
  }

  /** What Redis may not know yet. */
  owed(): Pick<Entry, 'position' | 'id'>[] {
    return [this.waiting, this.sending].flatMap((done) =>
      done.flatMap((ids, index) => ids.map((id) => ({ position: index + 1, id }))),
    );
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
    do {
      // the next command that takes jobs may take these along
      await this.taking?.catch(() => undefined);
      // what is done in the same turn goes in the same batch
      await turn();
    } while (this.taking !== null);
    while (this.isOwing() && !this.hasGivenUp) {
      this.sending = this.waiting;
      this.waiting = none();
      const sent = await Promise.all(this.sending.map((ids, index) => this.send(index + 1, ids)));
      this.sending = [];
      if (!sent.every(Boolean)) await sleep(RETRY_MS, undefined, { ref: false });
    }
    // in the turn of the last look: what is done a moment later begins a flush of its own
    this.isFlushing = false;
  }

  private isOwing(): boolean {
    return this.waiting.some((ids) => ids.length > 0);
  }

  private async send(position: number, ids: readonly string[]): Promise<boolean> {
    for (let from = 0; from < ids.length; from += BATCH) {
      try {
        const batch = ids.slice(from, from + BATCH);
        await this.redis.run(FINISH, [streamAt(this.keys, position)], [GROUP, ...batch]);
      } catch (error) {
        this.report('acknowledging', error);
        this.waiting[position - 1]?.push(...ids.slice(from));
        return false;
      }
    }
    return true;
  }
}
