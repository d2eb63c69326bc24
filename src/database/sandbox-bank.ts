import { Pool, type PoolClient } from 'pg';

/**
 * The books of the sandbox's bank: tables of its own, reached through connections and transactions of its own,
 * so that the ledger and the money can disagree as they can with a real bank.
 *
 * A charge has a time of arrival. Until then it is on its way: nobody sees it, and a void that comes first
 * wins. No timer is behind it, so it arrives although the process that sent it has been killed.
 */
export interface BankCharge {
  readonly key: string;
  readonly bookingId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly method: string;
}

export type BankState = 'captured' | 'declined' | 'voided';

export interface BankRecord {
  readonly state: BankState;
  readonly reason: string | null;
  readonly arrived: boolean;
  /** False where the bank knew the key already. */
  readonly isNew: boolean;
}

export interface BankListing {
  readonly id: string;
  readonly key: string;
  readonly bookingId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly state: BankState;
  readonly refundedMinor: number;
}

export interface BankRefund {
  readonly key: string;
  readonly chargeKey: string;
  readonly amountMinor: number;
  readonly currency: string;
}

export type BankRefundResult =
  'refunded' | 'pending' | 'key_reused' | 'not_captured' | 'refund_exceeds_charge';

const SCHEMA = `
  create schema if not exists sandbox_bank;
  create table if not exists sandbox_bank.charges (
    id bigint generated always as identity primary key,
    key text not null unique,
    booking_id text not null,
    amount_minor bigint not null check (amount_minor >= 0),
    currency text not null,
    method text not null,
    state text not null check (state in ('captured', 'declined', 'voided')),
    reason text,
    arrives_at timestamptz not null
  );
  create table if not exists sandbox_bank.refunds (
    key text primary key,
    charge_key text not null references sandbox_bank.charges (key),
    amount_minor bigint not null check (amount_minor > 0),
    currency text not null,
    settles_at timestamptz not null
  );
  create index if not exists refunds_by_charge on sandbox_bank.refunds (charge_key);
  create table if not exists sandbox_bank.first_failures (key text primary key);
`;

/** Any number; it only has to differ from other users of advisory locks. */
const MIGRATION_LOCK = 7_264_101_905;

const RECORD = `state, reason, arrives_at <= clock_timestamp() as arrived`;

// The update on conflict changes nothing once the charge has arrived; it makes the row come back, locked and
// current, in one statement. No row comes back where the key stands for a charge of other terms.
const CHARGE = `
  insert into sandbox_bank.charges as c
    (key, booking_id, amount_minor, currency, method, state, reason, arrives_at)
  values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8 * interval '1 ms')
  on conflict (key) do update set arrives_at = least(c.arrives_at, excluded.arrives_at)
    where c.booking_id = excluded.booking_id and c.amount_minor = excluded.amount_minor
      and c.currency = excluded.currency
  returning ${RECORD}, xmax = 0 as is_new`;

const VOID = `
  insert into sandbox_bank.charges as c
    (key, booking_id, amount_minor, currency, method, state, arrives_at)
  values ($1, $2, $3, $4, $5, 'voided', clock_timestamp())
  on conflict (key) do update set
    state = case when c.arrives_at > clock_timestamp() then 'voided' else c.state end,
    arrives_at = least(c.arrives_at, clock_timestamp())
    where c.booking_id = excluded.booking_id and c.amount_minor = excluded.amount_minor
      and c.currency = excluded.currency
  returning ${RECORD}, xmax = 0 as is_new`;

const LIST = `
  select c.id, c.key, c.booking_id, c.amount_minor, c.currency, c.state,
    coalesce((select sum(r.amount_minor) from sandbox_bank.refunds r
      where r.charge_key = c.key and r.settles_at <= clock_timestamp()), 0)::bigint as refunded_minor
  from sandbox_bank.charges c
  where c.id > $1 and c.arrives_at <= clock_timestamp()
  order by c.id limit $2`;

interface RecordRow {
  state: BankState;
  reason: string | null;
  arrived: boolean;
  is_new: boolean;
}
interface ListingRow {
  id: string;
  key: string;
  booking_id: string;
  amount_minor: string;
  currency: string;
  state: BankState;
  refunded_minor: string;
}
interface RefundRow {
  charge_key: string;
  amount_minor: string;
  currency: string;
  settled: boolean;
}

export class SandboxBank {
  private readonly pool: Pool;
  private opened: Promise<void> | null = null;
  private closed: Promise<void> | null = null;

  constructor(databaseUrl: string) {
    this.pool = new Pool({
      connectionString: databaseUrl,
      application_name: 'fairline-sandbox-bank',
      max: 8,
      connectionTimeoutMillis: 5000,
      query_timeout: 5000,
      statement_timeout: 4000,
    });
    // A connection lost while idle is replaced on the next use; unheard, the event would end the process.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Books the charge to arrive `inMs` from now, once per key. Null where the key has other terms. */
  async charge(charge: BankCharge, declineReason: string | null, inMs: number): Promise<BankRecord | null> {
    const state = declineReason === null ? 'captured' : 'declined';
    return this.record(CHARGE, [...terms(charge), state, declineReason, inMs]);
  }

  /** Reports what has arrived under the key, or voids it. Null where the key has other terms. */
  async settle(charge: BankCharge): Promise<BankRecord | null> {
    return this.record(VOID, terms(charge));
  }

  /** What a charge was paid with; null where there is no such charge. */
  async methodOf(key: string): Promise<string | null> {
    await this.open();
    const { rows } = await this.pool.query<{ method: string }>(
      'select method from sandbox_bank.charges where key = $1',
      [key],
    );
    return rows[0]?.method ?? null;
  }

  /** True the first time that it is asked about a key. */
  async isFirstCall(key: string): Promise<boolean> {
    await this.open();
    const result = await this.pool.query(
      'insert into sandbox_bank.first_failures (key) values ($1) on conflict do nothing',
      [key],
    );
    return result.rowCount === 1;
  }

  /** Gives money back once per refund key. A refund to `pendingMethod` is pending for `pendingMs`. */
  async refund(refund: BankRefund, pendingMethod: string, pendingMs: number): Promise<BankRefundResult> {
    await this.open();
    return this.transaction(async (client) => {
      // The charge's lock comes first: refunds of one charge see one another.
      const charges = await client.query<{
        amount_minor: string;
        currency: string;
        method: string;
        captured: boolean;
      }>(
        `select amount_minor, currency, method, state = 'captured' and arrives_at <= clock_timestamp() as captured
         from sandbox_bank.charges where key = $1 for no key update`,
        [refund.chargeKey],
      );
      const [charge] = charges.rows;
      if (charge === undefined || !charge.captured) return 'not_captured';
      const known = await this.knownRefund(client, refund);
      if (known !== null) return known;
      const sums = await client.query<{ sum: string }>(
        'select coalesce(sum(amount_minor), 0)::bigint as sum from sandbox_bank.refunds where charge_key = $1',
        [refund.chargeKey],
      );
      const left = Number(charge.amount_minor) - Number(sums.rows[0]?.sum);
      if (refund.currency !== charge.currency || refund.amountMinor > left) return 'refund_exceeds_charge';
      const waitMs = charge.method === pendingMethod ? pendingMs : 0;
      await client.query(
        `insert into sandbox_bank.refunds (key, charge_key, amount_minor, currency, settles_at)
         values ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 ms')`,
        [refund.key, refund.chargeKey, refund.amountMinor, refund.currency, waitMs],
      );
      return waitMs === 0 ? 'refunded' : 'pending';
    });
  }

  /** What these charges were paid with is nobody's business any more. */
  async forget(keys: readonly string[]): Promise<void> {
    await this.open();
    await this.pool.query(`update sandbox_bank.charges set method = 'erased' where key = any ($1)`, [
      [...keys],
    ]);
  }

  /** Charges that have arrived, in the order of their numbers, from the one after `afterId`. */
  async list(afterId: string, limit: number): Promise<BankListing[]> {
    await this.open();
    const { rows } = await this.pool.query<ListingRow>(LIST, [afterId, limit]);
    return rows.map((row) => ({
      id: row.id,
      key: row.key,
      bookingId: row.booking_id,
      amountMinor: Number(row.amount_minor),
      currency: row.currency,
      state: row.state,
      refundedMinor: Number(row.refunded_minor),
    }));
  }

  /** Disconnects once running queries have ended. Idempotent. */
  close(): Promise<void> {
    this.closed ??= this.pool.end();
    return this.closed;
  }

  private async record(sql: string, values: readonly unknown[]): Promise<BankRecord | null> {
    await this.open();
    const { rows } = await this.pool.query<RecordRow>(sql, [...values]);
    const [row] = rows;
    if (row === undefined) return null;
    return { state: row.state, reason: row.reason, arrived: row.arrived, isNew: row.is_new };
  }

  private async knownRefund(client: PoolClient, refund: BankRefund): Promise<BankRefundResult | null> {
    const { rows } = await client.query<RefundRow>(
      `select charge_key, amount_minor, currency, settles_at <= clock_timestamp() as settled
       from sandbox_bank.refunds where key = $1`,
      [refund.key],
    );
    const [row] = rows;
    if (row === undefined) return null;
    const same =
      row.charge_key === refund.chargeKey &&
      Number(row.amount_minor) === refund.amountMinor &&
      row.currency === refund.currency;
    if (!same) return 'key_reused';
    return row.settled ? 'refunded' : 'pending';
  }

  /** Makes the tables on first use; several processes may do so at once. */
  private open(): Promise<void> {
    this.opened ??= this.transaction(async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      await client.query(SCHEMA);
    }).catch((error: unknown) => {
      this.opened = null;
      throw error;
    });
    return this.opened;
  }

  private async transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken = true;
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      broken = false;
      return result;
    } finally {
      // After an error the connection's state is in doubt: it is closed, which rolls back.
      client.release(broken);
    }
  }
}

const terms = (charge: BankCharge): unknown[] => [
  charge.key,
  charge.bookingId,
  charge.amountMinor,
  charge.currency,
  charge.method,
];
