import { SharedLevels, type Addition } from '../security/rate-limit/shared-levels.js';
import type { Database } from './database.js';

/**
 * Rows are locked in the order of their keys, so that no two processes wait for one another. What a bucket holds is when
 * it will be empty.
 */
const ADD = {
  name: 'rate_limit_add',
  text: `
    insert into rate_limit as shared (key, empty_at)
    select key, statement_timestamp() + ms * interval '1 millisecond'
    from unnest($1::text[], $2::float8[]) as added (key, ms)
    order by key
    on conflict (key) do update
      set empty_at = greatest(shared.empty_at, statement_timestamp()) + (excluded.empty_at - statement_timestamp())
    returning key, extract(epoch from empty_at - statement_timestamp())::float8 * 1000 as ms`,
};

/**
 * A part of the table, by where rows are: an index over empty_at would cost every request more than this costs once a
 * minute, since each of them changes it. Never waits for a bucket that somebody is filling.
 */
const FORGET = {
  name: 'rate_limit_forget',
  text: `
    with forgotten as (
      delete from rate_limit where ctid = any (array(
        select ctid from rate_limit
        where ctid >= format('(%s,0)', $1::bigint)::tid and ctid < format('(%s,0)', $2::bigint)::tid
          and empty_at < statement_timestamp()
        for update skip locked)))
    select pg_relation_size('rate_limit') > $2::bigint * current_setting('block_size')::integer as more`,
};
const FORGET_EVERY_MS = 60_000;
/** Of a part: some 15,000 buckets, a few hundredths of a second where all of them go. */
const PART_BLOCKS = 256;
/** Of one round: half a gigabyte. The next one goes on from there. */
const PARTS_PER_ROUND = 256;

/** Buckets in the database, for where no Redis is named. */
export class StoredLevels extends SharedLevels {
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | null = null;
  private closed = false;
  /** The block that the next part begins with. */
  private block = 0;

  constructor(
    private readonly database: Pick<Database, 'call'>,
    private readonly forgetEveryMs = FORGET_EVERY_MS,
  ) {
    super();
  }

  override async add(additions: readonly Addition[]): Promise<readonly number[]> {
    this.begin();
    const rows = await this.database.call<{ key: string; ms: number }>(ADD, [
      additions.map(({ key }) => key),
      additions.map(({ ms }) => ms),
    ]);
    const levels = new Map(rows.map(({ key, ms }) => [key, ms]));
    return additions.map(({ key }) => levels.get(key) ?? 0);
  }

  /** The connections are the database's own. */
  override async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.round;
  }

  /** Whoever has added something forgets for all from then on, whether or not anything is added later. */
  private begin(): void {
    if (this.timer !== undefined || this.closed) return;
    this.timer = setInterval(() => {
      this.round ??= this.forget().finally(() => (this.round = null));
    }, this.forgetEveryMs).unref();
  }

  /** Never rejects: that the database is away is noticed by whoever adds, and the next round goes on. */
  private async forget(): Promise<void> {
    try {
      for (let parts = 0; parts < PARTS_PER_ROUND && !this.closed; parts++) {
        const end = this.block + PART_BLOCKS;
        const [part] = await this.database.call<{ more: boolean }>(FORGET, [this.block, end]);
        this.block = part?.more === true ? end : 0;
        if (this.block === 0) return;
      }
    } catch {
      return;
    }
  }
}
