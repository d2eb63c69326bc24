import type { Actor, Booking } from '../booking.js';
import type { Database } from '../../database/database.js';
import { callJson } from './call.js';

/**
 * The money of a refund, from the row that `open_refund` writes to the bank's last word: which may come when everybody
 * thought that it was done.
 */
export const sql = /* sql */ `
create or replace function refund_json(r refund) returns jsonb
language sql immutable as $$
  select jsonb_build_object('id', r.id, 'bookingId', r.booking_id, 'providerKey', r.provider_key,
    'refundKey', r.refund_key, 'amount', jsonb_build_object('amountMinor', r.amount_minor, 'currency', r.currency))
$$;

-- A refund as it was opened. RETURNS null where there is none.
create or replace function refund_of(p_key text) returns jsonb
language sql stable as $$
  select refund_json(r) from refund r where r.refund_key = p_key
$$;

-- Refunds whose time has come; each is put off for its next try by this very call.
create or replace function due_refunds(p_limit integer) returns jsonb
language sql volatile as $$
  with due as (
    update refund r set tries = tries + 1,
      next_at = clock_timestamp() + make_interval(secs => least(3600, 5 * power(2, least(tries, 12))))
    where id in (
      select id from refund where state = 'pending' and next_at <= statement_timestamp()
      order by next_at limit p_limit for update skip locked)
    returning refund_json(r) as refund
  )
  select coalesce(jsonb_agg(refund), '[]') from due
$$;

-- pending → succeeded; from then on it is looked at once a day. RETURNS whether it was pending.
create or replace function refund_succeeded(p_id uuid, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  r refund%rowtype;
  v_now timestamptz := clock_timestamp();
begin
  update refund set state = 'succeeded', finished_at = v_now, look_at = v_now + interval '1 day'
  where id = p_id and state = 'pending' returning * into r;
  if not found then return 'false'; end if;
  perform write_audit(v_now, (select offer_id from booking where id = r.booking_id), r.booking_id, 'refund.succeeded',
    null, null, null, null, null, p_actor, jsonb_build_object('charge', r.provider_key));
  return 'true';
end $$;

-- succeeded → pending: the bank has sent it back. Due at once the first time; where that happens again and again, after
-- a pause that doubles up to a day. RETURNS whether it had succeeded.
create or replace function reopen_refund(p_key text, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  r refund%rowtype;
  v_now timestamptz := clock_timestamp();
begin
  update refund set state = 'pending', finished_at = null, look_at = null, tries = 0, reopened = reopened + 1,
    next_at = v_now + make_interval(secs => case when reopened = 0 then 0 else least(86400, 60 * power(2, least(reopened, 11))) end)
  where refund_key = p_key and state = 'succeeded' returning * into r;
  if not found then return 'false'; end if;
  perform write_audit(v_now, (select offer_id from booking where id = r.booking_id), r.booking_id, 'refund.reopened',
    null, null, null, null, null, p_actor, jsonb_build_object('charge', r.provider_key, 'times', r.reopened));
  return 'true';
end $$;

-- Refunds that succeeded within the last 30 days and have not been looked at for a day; each is put off for the next
-- day by this very call, until the month is over.
create or replace function refunds_to_look_at(p_limit integer) returns jsonb
language sql volatile as $$
  with due as (
    update refund r set
      look_at = case when finished_at > clock_timestamp() - interval '29 days' then clock_timestamp() + interval '1 day' end
    where id in (
      select id from refund where look_at <= statement_timestamp() and state = 'succeeded'
      order by look_at limit p_limit for update skip locked)
    returning refund_json(r) as refund
  )
  select coalesce(jsonb_agg(refund), '[]') from due
$$;
`;

export interface LedgerRefund {
  readonly id: string;
  readonly bookingId: string;
  /** Of the charge. */
  readonly providerKey: string;
  readonly refundKey: string;
  readonly amount: Booking['price'];
}

export function refundOf(db: Database, refundKey: string): Promise<LedgerRefund | null> {
  return callJson<LedgerRefund | null>(db, 'refund_of', [refundKey]);
}

/** Refunds whose time has come; each is put off for its next try by this very call. */
export function dueRefunds(db: Database, limit: number): Promise<LedgerRefund[]> {
  return callJson<LedgerRefund[]>(db, 'due_refunds', [limit]);
}

export function refundSucceeded(db: Database, refundId: string, actor: Actor): Promise<boolean> {
  return callJson<boolean>(db, 'refund_succeeded', [refundId, actor]);
}

/** One that had succeeded and did not after all is pending again. False where it had not succeeded, or is unknown. */
export function reopenRefund(db: Database, refundKey: string, actor: Actor): Promise<boolean> {
  return callJson<boolean>(db, 'reopen_refund', [refundKey, actor]);
}

/** Refunds of the last 30 days whose daily look is due; each is put off by a day by this very call. */
export function refundsToLookAt(db: Database, limit: number): Promise<LedgerRefund[]> {
  return callJson<LedgerRefund[]>(db, 'refunds_to_look_at', [limit]);
}
