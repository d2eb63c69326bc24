import type { Database } from '../../database/database.js';
import type { Stay } from '../booking.js';
import type { OfferFacts } from './types.js';
import { callJson } from './call.js';

/**
 * What is due, read without locks: each find is handed to the verb that locks and looks again. Mails are claimed by
 * putting their next try off, so that two workers seldom send one twice; that they may is why Message-IDs are fixed.
 *
 * The time is that of the statement: to one that may change meanwhile no index is cut short.
 */
export const sql = /* sql */ `
-- Offers by what is due on them.
create or replace function due_lines() returns jsonb
language sql stable as $$
  select jsonb_build_object(
    'expire', (select coalesce(jsonb_agg(distinct offer_id), '[]') from booking
      where state = 'held' and deadline <= statement_timestamp()),
    'admit', (select coalesce(jsonb_agg(l.offer_id), '[]') from booking_line l join offer o on o.id = l.offer_id
      where l.wanted <> l.admitted and not o.paused),
    'sellOut', (select coalesce(jsonb_agg(l.offer_id), '[]') from booking_line l join offer o on o.id = l.offer_id
      where l.waiting > 0 and o.starts_at <= clock_timestamp() and l.sold_out_done),
    'writeSellOut', (select coalesce(jsonb_agg(offer_id), '[]') from (
      select offer_id from booking_line where not sold_out_done
      union
      -- stays that would have begun; the order makes the index of the times the cheapest, also on empty tables
      (select offer_id from booking where state = 'waiting' and check_in <= statement_timestamp()
        order by check_in limit 1000)) due))
$$;

create or replace function due_mails(p_limit integer) returns jsonb
language sql volatile as $$
  with due as (
    update mail set tries = tries + 1,
      next_at = clock_timestamp() + make_interval(secs => least(900, 5 * power(2, least(tries, 10))))
    where (booking_id, kind, fence) in (
      select booking_id, kind, fence from mail where state = 'due' and next_at <= statement_timestamp()
      order by next_at limit p_limit for update skip locked)
    returning *
  )
  select coalesce(jsonb_agg(jsonb_build_object('bookingId', d.booking_id, 'kind', d.kind, 'fence', d.fence,
    'tries', d.tries, 'to', b.email, 'state', b.state, 'currentFence', b.fence, 'deadline', iso(b.deadline),
    'quantity', b.quantity, 'stay', stay_json(b), 'correlationId', b.correlation_id, 'offer', offer_facts_json(o),
    'price', jsonb_build_object('amountMinor', b.price_minor * b.quantity, 'currency', b.currency))), '[]')
  from due d join booking b on b.id = d.booking_id join offer o on o.id = b.offer_id
$$;

create or replace function mails_done(p_mails jsonb) returns jsonb
language sql volatile as $$
  with done as (
    update mail m set state = d.state
    from jsonb_to_recordset(p_mails) as d ("bookingId" uuid, kind text, fence integer, state text)
    where m.booking_id = d."bookingId" and m.kind = d.kind and m.fence = d.fence
    returning 1
  )
  select to_jsonb(count(*)) from done
$$;

create or replace function prune_keys(p_age interval, p_limit integer) returns jsonb
language sql volatile as $$
  with gone as (
    delete from idempotency_key where ctid = any (array(
      select ctid from idempotency_key where created_at < statement_timestamp() - p_age limit p_limit))
    returning 1
  )
  select to_jsonb(count(*)) from gone
$$;
`;

/** Offers that something is due on, by what it is. */
export interface DueLines {
  readonly expire: readonly string[];
  readonly admit: readonly string[];
  readonly sellOut: readonly string[];
  readonly writeSellOut: readonly string[];
}

export function dueLines(db: Database): Promise<DueLines> {
  return callJson<DueLines>(db, 'due_lines', []);
}

export interface DueMail {
  readonly bookingId: string;
  readonly kind: 'your_turn' | 'expired' | 'sold_out' | 'refunded';
  readonly fence: number;
  /** This try included. */
  readonly tries: number;
  readonly to: string | null;
  readonly state: string;
  readonly currentFence: number;
  readonly deadline: string | null;
  readonly quantity: number;
  readonly stay: Stay | null;
  readonly correlationId: string;
  readonly offer: OfferFacts;
  readonly price: { readonly amountMinor: number; readonly currency: string };
}

/** Mails whose time has come; each is put off for its next try by this very call. */
export function dueMails(db: Database, limit: number): Promise<DueMail[]> {
  return callJson<DueMail[]>(db, 'due_mails', [limit]);
}

export interface DoneMail extends Pick<DueMail, 'bookingId' | 'kind' | 'fence'> {
  readonly state: 'sent' | 'refused';
}

/** Mails that need no further try; the number recorded. */
export function mailsDone(db: Database, mails: readonly DoneMail[]): Promise<number> {
  return callJson<number>(db, 'mails_done', [JSON.stringify(mails)]);
}

/** Idempotency keys older than that; the number removed, at most `limit`. */
export function pruneKeys(db: Database, ageMs: number, limit: number): Promise<number> {
  return callJson<number>(db, 'prune_keys', [`${ageMs} milliseconds`, limit]);
}
