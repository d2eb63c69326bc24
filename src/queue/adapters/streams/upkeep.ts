import type { Connection, Report } from './connection.js';
import { lists } from './entry.js';
import { GROUP, type TypeKeys } from './keys.js';
import { RECLAIM, RENEW, TIDY } from './upkeep-scripts.js';

/** A job is its consumer's for so long after its last sign of life. */
export const LOCK_MS = 6000;
const RENEW_MS = 2000;
const RECLAIM_MS = 1500;
const WATCH_MS = 1000;
const TIDY_MS = 60_000;
/** Younger than this, a job needs no renewal: most are done before. */
const YOUNG_MS = 1000;
/** A consumer without a sign of life and without a job leaves the group. */
const GONE_MS = 60_000;
const DEAD_KEPT_MS = 30 * 24 * 3600 * 1000;
const BATCH = 500;

/** A job that is being worked on. */
export interface Held {
  readonly entry: { readonly position: number; readonly id: string };
  /** By the clock of this process, not later than Redis took note. */
  renewedAt: number;
  /** Looks in a row at which it was found not renewed in time. */
  late: number;
}

export interface UpkeepParts<H extends Held> {
  readonly redis: Connection;
  readonly keys: TypeKeys;
  readonly consumer: string;
  readonly held: ReadonlySet<H>;
  readonly lost: (held: H) => void;
  readonly report: Report;
}

/**
 * What a consumption does beside its jobs: signs of life, jobs of crashed consumers, tidying up. A killed consumer's
 * job is delivered again after `LOCK_MS + RECLAIM_MS` at most, where another consumer runs.
 */
export class Upkeep<H extends Held> {
  private readonly timers: NodeJS.Timeout[];
  private readonly underWay = new Set<string>();

  constructor(private readonly parts: UpkeepParts<H>) {
    this.timers = [
      this.every(RENEW_MS, 'sign of life', () => this.renew()),
      this.every(RECLAIM_MS, 'jobs of crashed consumers', () => this.reclaim()),
      this.every(TIDY_MS, 'tidying up', () => this.tidy()),
      this.every(WATCH_MS, 'watching locks', () => this.watch()),
    ];
    void this.renew().catch((error: unknown) => parts.report('sign of life', error));
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  private every(ms: number, what: string, action: () => Promise<void> | void): NodeJS.Timeout {
    return setInterval(() => {
      if (this.underWay.has(what)) return;
      this.underWay.add(what);
      void Promise.resolve()
        .then(action)
        .catch((error: unknown) => this.parts.report(what, error))
        .finally(() => this.underWay.delete(what));
    }, ms).unref();
  }

  private async renew(): Promise<void> {
    const due = [...this.parts.held].filter(({ renewedAt }) => Date.now() - renewedAt > YOUNG_MS);
    // also with nothing due: the consumer itself is alive
    do await this.renewBatch(due.splice(0, BATCH));
    while (due.length > 0);
  }

  private async renewBatch(batch: readonly H[]): Promise<void> {
    const { redis, keys, consumer, lost } = this.parts;
    const pairs = batch.flatMap(({ entry }) => [entry.position, entry.id]);
    const askedAt = Date.now();
    const answer = await redis.run(RENEW, [...keys.streams, keys.workers], [GROUP, consumer, ...pairs]);
    const [taken, gone] = lists(answer);
    const now = Date.now();
    batch.forEach((held, position) => {
      // what Redis forgot before its lock ran out was taken by nobody: the handler may finish
      const isOver = gone?.includes(position) && now - held.renewedAt >= LOCK_MS;
      if (isOver || taken?.includes(position)) {
        lost(held);
        return;
      }
      held.renewedAt = askedAt;
      held.late = 0;
    });
  }

  private async reclaim(): Promise<void> {
    const { redis, keys, consumer } = this.parts;
    await redis.run(RECLAIM, keys.streams, [GROUP, consumer, LOCK_MS]);
  }

  private async tidy(): Promise<void> {
    const { redis, keys } = this.parts;
    await redis.run(
      TIDY,
      [...keys.streams, keys.workers, keys.dead, keys.deadIds],
      [GROUP, GONE_MS, DEAD_KEPT_MS],
    );
  }

  /** A lock that could not be renewed in time, be it that Redis was away or this process asleep, is lost. */
  private watch(): void {
    for (const held of this.parts.held) {
      if (Date.now() - held.renewedAt < LOCK_MS) continue;
      held.late += 1;
      // the look right after a sleep comes before the answer to the renewal that is on its way
      if (held.late > 1) this.parts.lost(held);
    }
  }
}
