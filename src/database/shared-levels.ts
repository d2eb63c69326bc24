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

/** Never waits for a bucket that somebody is filling. */
const FORGET = {
  name: 'rate_limit_forget',
  text: `
    delete from rate_limit where key in (
      select key from rate_limit where empty_at < statement_timestamp() order by key for update skip locked limit 1000)`,
};
const FORGET_EVERY_MS = 60_000;

/** Buckets in the database, for where no Redis is named. */
export class StoredLevels extends SharedLevels {
  private forgotAt = -Infinity;

  constructor(
    private readonly database: Pick<Database, 'call'>,
    private readonly now: () => number = () => performance.now(),
  ) {
    super();
  }

  override async add(additions: readonly Addition[]): Promise<readonly number[]> {
    const rows = await this.database.call<{ key: string; ms: number }>(ADD, [
      additions.map(({ key }) => key),
      additions.map(({ ms }) => ms),
    ]);
    await this.forget();
    const levels = new Map(rows.map(({ key, ms }) => [key, ms]));
    return additions.map(({ key }) => levels.get(key) ?? 0);
  }

  /** The connections are the database's own. */
  override close(): Promise<void> {
    return Promise.resolve();
  }

  private async forget(): Promise<void> {
    if (this.now() - this.forgotAt < FORGET_EVERY_MS) return;
    this.forgotAt = this.now();
    await this.database.call(FORGET, []);
  }
}
