import type { ConsumeOptions } from '../../job-queue.js';
import type { Acknowledgements } from './acknowledgements.js';
import { type Connection, WAIT_MS } from './connection.js';
import { readTaken, type Taken } from './entry.js';
import { GROUP, type TypeKeys } from './keys.js';
import { TAKE } from './scripts.js';
import type { Held } from './upkeep.js';
import { RESTORE } from './upkeep-scripts.js';

const MOST_AT_ONCE = 500;

interface SourceParts {
  readonly redis: Connection;
  readonly waiting: Connection;
  readonly keys: TypeKeys;
  readonly consumer: string;
  readonly options: ConsumeOptions;
}
type Place = Held['entry'];

/** Where a consumption gets its jobs from. */
export class Source {
  /** The answer to the last question was lost: jobs may have been delivered that nobody here knows of. */
  private isInDoubt = false;

  constructor(
    private readonly parts: SourceParts,
    private readonly done: Acknowledgements,
    /** What this consumer is working on. */
    private readonly held: () => readonly Place[],
  ) {}

  /** At most `free` jobs. @throws Error while Redis is away */
  async take(free: number): Promise<Taken> {
    if (this.isInDoubt) await this.restore();
    const { redis, keys, consumer, options } = this.parts;
    const { max, perMs } = options.rateLimit ?? { max: 0, perMs: 0 };
    this.isInDoubt = true;
    const answer = await this.done.along((done) =>
      redis.run(
        TAKE,
        [...keys.streams, keys.delayed, keys.paused, keys.rate, keys.wake],
        [
          ...[GROUP, consumer, Math.min(free, MOST_AT_ONCE), max, perMs],
          ...done.map((ids) => ids.length),
          ...done.flat(),
        ],
      ),
    );
    const taken = readTaken(answer);
    this.isInDoubt = false;
    return taken;
  }

  /** Resolves when there may be something to take. @throws Error while Redis is away, and when stopped */
  async wait({ state, waitMs, tops }: Taken): Promise<void> {
    const { waiting, keys } = this.parts;
    const ms = waitMs < 0 ? WAIT_MS : Math.min(waitMs, WAIT_MS);
    switch (state) {
      case 'limited':
        return waiting.waitFor([keys.wake], tops, ms);
      case 'paused':
        return waiting.waitFor([keys.wake], tops, WAIT_MS);
      case 'ok':
        if (tops.length === 0 || ms === 0) return;
        return waiting.waitFor([...keys.streams, keys.wake], tops, ms);
      default:
        return state satisfies never;
    }
  }

  private async restore(): Promise<void> {
    const { redis, keys, consumer } = this.parts;
    const known = [...this.held(), ...this.done.owed()];
    const pairs = known.flatMap(({ position, id }) => [position, id]);
    await redis.run(RESTORE, keys.streams, [GROUP, consumer, ...pairs]);
  }
}
