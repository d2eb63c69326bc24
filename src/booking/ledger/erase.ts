import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import { callJson } from './call.js';

/**
 * Erasure of who booked: name, address, means of payment, documents. Units, states, money and what happened stay, and
 * the audit chain stays valid: see `audit_person`.
 */
export const sql = /* sql */ `
-- When nobody needs a booking any more that was confirmed: a day after the event begins, or the stay ends.
create or replace function booking_over_at(b booking, o offer) returns timestamptz
language sql stable as $$
  select coalesce(b.check_in + make_interval(days => b.last_day - b.first_day + 1), o.starts_at) + interval '1 day'
$$;

-- Whether nothing is owed to or by the customer, and nothing is still to be had.
create or replace function is_erasable(b booking, o offer, p_now timestamptz) returns boolean
language sql stable as $$
  select (b.state in ('cancelled', 'expired', 'sold_out', 'refunded')
      or (b.state = 'confirmed' and booking_over_at(b, o) <= p_now))
    and not exists (
      select from payment_attempt a left join refund r on r.provider_key = a.provider_key
      where a.booking_id = b.id and (a.state = 'started' or r.state = 'pending'))
$$;

-- The seals that cover who a booking's events name as they stand: none once there are salts.
create or replace function plain_seals(p_booking uuid) returns table (number bigint, events integer)
language sql stable as $$
  select distinct s.number, s.events
  from audit_event e
  cross join lateral (
    select greatest(
      (select first_id from audit_seal where first_id <= e.id order by first_id desc limit 1),
      (select first_id from audit_chain where first_id <= e.id)) as first_id
  ) epoch
  cross join lateral (
    select * from audit_seal where first_id = epoch.first_id and bound_from <= e.xid order by bound_from desc limit 1
  ) s
  where e.booking_id = p_booking and audit_is_nameable(e) and e.xid < s.bound_to
$$;

-- Seals from before there were salts cover names as they stand. Before the first of them is erased its seal is checked,
-- its events get salts, and an event of the chain says what its digest is from now on; the seal's own hash stays, and so
-- do the seals after it. Once for each seal. Raises where it does not match its events. The caller LOCKS the chain.
create or replace function recode_seal(p_number bigint, p_actor jsonb) returns void
language plpgsql volatile as $$
declare
  s audit_seal%rowtype;
  v_previous bytea := coalesce((select hash from audit_seal where number = p_number - 1), sha256('fairline'));
  v_end bigint;
  v_event bigint;
  v_hash bytea;
begin
  select * into s from audit_seal where number = p_number;
  v_end := coalesce((select first_id from audit_seal where first_id > s.first_id order by first_id limit 1),
    (select first_id from audit_chain where first_id > s.first_id), 9223372036854775807);
  if (select hash from audit_digest(v_previous, s.first_id, v_end, s.bound_from, s.bound_to)) <> s.hash then
    raise exception 'seal % of the audit log does not match its events', s.number;
  end if;
  update audit_event e set salt = gen_random_uuid()
  where e.xid >= s.bound_from and e.xid < s.bound_to and e.id + 0 >= s.first_id and e.id + 0 < v_end
    and audit_is_nameable(e);
  v_hash := (select hash from audit_digest(s.hash, s.first_id, v_end, s.bound_from, s.bound_to));
  insert into audit_event (at, action, actor_kind, actor_id, correlation_id, salt, detail)
  values (clock_timestamp(), 'audit.recode', p_actor->>'kind', p_actor->>'id', p_actor->>'correlationId', null,
    jsonb_build_object('seal', s.number, 'hash', encode(s.hash, 'hex'), 'digest', encode(v_hash, 'hex')))
  returning id into v_event;
  update audit_seal set recoded = v_hash, recode_event = v_event where number = s.number;
end $$;

-- Recodes what covers these bookings, until it is about so many events and one booking at least. RETURNS those that are
-- ready to be erased: always in the same transaction, so that each recoded seal has one that was erased.
-- LOCKS the chain where there is anything to recode, so that nobody seals meanwhile.
create or replace function recode_bookings(p_ids uuid[], p_events integer, p_actor jsonb) returns uuid[]
language plpgsql volatile as $$
declare
  v_id uuid;
  v_seals bigint[];
  v_events integer;
  v_done integer := 0;
  v_later uuid[] := '{}';
  v_plain uuid[] := array(
    select distinct booking_id from audit_event e where e.booking_id = any (p_ids) and audit_is_nameable(e));
begin
  if v_plain = '{}' then return p_ids; end if;
  perform 1 from audit_chain for no key update;
  foreach v_id in array v_plain loop
    select array_agg(number order by number), sum(events) into v_seals, v_events from plain_seals(v_id);
    if v_done > 0 and v_done + v_events > p_events then
      v_later := v_later || v_id;
    elsif v_seals is not null then
      perform recode_seal(number, p_actor) from unnest(v_seals) number;
      v_done := v_done + v_events;
    end if;
  end loop;
  return array(select unnest(p_ids) except select unnest(v_later));
end $$;

-- Erases those of these bookings that can be erased now, or some of them where seals from before salts have to be
-- prepared. RETURNS {erased, more}; more: call again. What a seal covers of an event is the same before and after, so
-- that nobody has to wait for it. LOCKS bookings, the chain where it has plain events of theirs, keys.
create or replace function erase_bookings(p_ids uuid[], p_reason text, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_ids uuid[];
  v_over integer;
  v_now timestamptz := clock_timestamp();
begin
  perform 1 from booking where id = any (p_ids) order by offer_id, seq for no key update;
  select array_agg(b.id) into v_ids from booking b join offer o on o.id = b.offer_id
  where b.id = any (p_ids) and b.erased_at is null and is_erasable(b, o, v_now);
  -- restored from a dump, and nothing sealed here yet
  if v_ids is null or audit_restored() is not null then return '{"erased": 0, "more": false}'; end if;
  v_over := cardinality(v_ids);
  v_ids := recode_bookings(v_ids, 40000, p_actor);

  delete from idempotency_key k using booking b
  where b.id = any (v_ids) and k.customer_id = b.customer_id and k.booking_id = b.id;
  delete from idempotency_key where booking_id = any (v_ids) and response is not null;
  update audit_event e set address_digest = audit_person(e), salt = null, address = null,
    actor_id = case when actor_kind = 'customer' then 'erased' else actor_id end
  where e.booking_id = any (v_ids) and e.salt is not null;
  with pseudonym as materialized (
    select customer_id, 'erased-' || gen_random_uuid() as name from booking where id = any (v_ids) group by customer_id
  )
  update booking b set customer_id = p.name, email = null, payment_method = null, erased_at = v_now
  from pseudonym p where b.id = any (v_ids) and b.customer_id = p.customer_id;
  update payment_attempt set method = 'erased' where booking_id = any (v_ids);
  update mail set state = 'refused' where booking_id = any (v_ids) and state = 'due';
  delete from booking_document where booking_id = any (v_ids);
  delete from erasure_put_off where booking_id = any (v_ids);
  insert into erased_booking (booking_id) select unnest(v_ids) on conflict do nothing;
  perform write_audit(v_now, b.offer_id, b.id, 'erase', null, null, null, null, null, p_actor,
    jsonb_build_object('reason', p_reason))
  from booking b where b.id = any (v_ids);
  return jsonb_build_object('erased', cardinality(v_ids), 'more', cardinality(v_ids) < v_over);
end $$;

-- Erases at most p_limit bookings of a customer. RETURNS {erased, left}: where some are left and none was erased, the
-- ledger was restored from a dump and has not been sealed since. Refuses BOOKINGS_OPEN, with some of them, where one is
-- not over.
create or replace function erase_customer(p_customer text, p_limit integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_open jsonb;
  v_ids uuid[];
  v_erased jsonb;
begin
  select jsonb_agg(id order by id) into v_open from (
    select b.id from booking b join offer o on o.id = b.offer_id
    where b.customer_id = p_customer and not is_erasable(b, o, clock_timestamp()) limit 20
  ) still;
  if v_open is not null then perform refuse('BOOKINGS_OPEN', jsonb_build_object('bookings', v_open)); end if;
  -- those of a pseudonym are erased
  v_ids := array(select id from booking where customer_id = p_customer and erased_at is null limit p_limit);
  v_erased := erase_bookings(v_ids, 'REQUEST', p_actor)->'erased';
  delete from idempotency_key where customer_id = p_customer and not exists (
    select from booking where customer_id = p_customer);
  return jsonb_build_object('erased', v_erased,
    'left', (select count(*) from booking where customer_id = p_customer and erased_at is null));
end $$;

-- The next stays, by id, that have been over for p_age and can be erased.
create or replace function over_stays(p_age interval, p_limit integer) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(id), '[]') from (
    select b.id from booking b join offer o on o.id = b.offer_id
    where b.check_in is not null and b.erased_at is null and b.last_day < (statement_timestamp() - p_age)::date
      and booking_over_at(b, o) <= statement_timestamp() - p_age and is_erasable(b, o, statement_timestamp())
      and not exists (select from erasure_put_off p where p.booking_id = b.id and p.until > statement_timestamp())
    order by b.last_day limit p_limit) next
$$;

-- Of a line of tickets whose event has been over for p_age the next p_limit bookings that it has not been walked through.
-- RETURNS {offerId, after, through, ids}: no ids at its end; null where no line is over. through is to be said to
-- walk_line when they are done.
create or replace function over_line(p_age interval, p_limit integer) returns jsonb
language sql stable as $$
  select jsonb_build_object('offerId', line.id, 'after', line.after, 'through', max(b.seq),
    'ids', coalesce(jsonb_agg(b.id) filter (where b.id is not null), '[]'))
  from (
    select o.id, coalesce(e.through, 0) as after
    from offer o left join offer_erasure e on e.offer_id = o.id
    where o.starts_at <= statement_timestamp() - p_age - interval '1 day'
      and coalesce(e.next_at, '-infinity') <= statement_timestamp()
    order by o.starts_at limit 1
  ) line
  left join lateral (
    select id, seq from booking where offer_id = line.id and seq > line.after order by seq limit p_limit
  ) b on true
  group by line.id, line.after
$$;

-- Says that the line was walked through from p_after to p_through, or to its end: null. What could not be erased is
-- looked at again a day later. Does nothing where another worker has said so.
create or replace function walk_line(p_offer text, p_after bigint, p_through bigint) returns jsonb
language plpgsql volatile as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  insert into offer_erasure (offer_id, next_at) values (p_offer, '-infinity') on conflict do nothing;
  if p_through is null then
    update offer_erasure set through = coalesce(first_left - 1, through), first_left = null,
      next_at = case when first_left is null then 'infinity' else v_now + interval '1 day' end
    where offer_id = p_offer and through = p_after and next_at <= v_now;
  else
    update offer_erasure set through = p_through, first_left = coalesce(first_left, (
      select seq from booking where offer_id = p_offer and seq > p_after and seq <= p_through and erased_at is null
      order by seq limit 1))
    where offer_id = p_offer and through = p_after and next_at <= v_now;
  end if;
  return to_jsonb(found);
end $$;

create or replace function put_off_erasure(p_booking uuid) returns jsonb
language sql volatile as $$
  insert into erasure_put_off (booking_id, until) values (p_booking, clock_timestamp() + interval '1 day')
  on conflict (booking_id) do update set until = excluded.until;
  select 'true'::jsonb
$$;

-- How many bookings are over and could not be erased.
create or replace function erasures_put_off() returns jsonb
language sql stable as $$
  select to_jsonb(count(*)) from erasure_put_off
$$;

-- Bookings whose mails and means of payment are still to be forgotten elsewhere, with the keys of their charges. A mail
-- that was on its way at that moment has arrived within p_quiet.
create or replace function erased_elsewhere(p_quiet interval, p_limit integer) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('bookingId', e.booking_id, 'chargeKeys', (
    select coalesce(jsonb_agg(provider_key), '[]') from payment_attempt a where a.booking_id = e.booking_id))), '[]')
  from (
    select booking_id from erased_booking where erased_at <= statement_timestamp() - p_quiet order by booking_id limit p_limit
  ) e
$$;

create or replace function forgotten(p_ids uuid[]) returns jsonb
language sql volatile as $$
  with gone as (delete from erased_booking where booking_id = any (p_ids) returning 1)
  select to_jsonb(count(*)) from gone
$$;
`;

/** So many bookings are looked at in one transaction: a fraction of a second. */
const BOOKINGS_PER_CALL = 200;

export interface ErasedPart {
  readonly erased: number;
  /** Bookings of the customer that are still to be erased. */
  readonly left: number;
}

/** @throws AppError BOOKINGS_OPEN */
export function eraseCustomer(
  db: Database,
  customerId: string,
  actor: Actor,
  limit = BOOKINGS_PER_CALL,
): Promise<ErasedPart> {
  return callJson<ErasedPart>(db, 'erase_customer', [customerId, limit, actor]);
}

/** Erases those of some bookings that can be erased, because they have been over for so long; `more`: call again. */
export function eraseBookings(
  db: Database,
  bookingIds: readonly string[],
  actor: Actor,
): Promise<{ readonly erased: number; readonly more: boolean }> {
  return callJson(db, 'erase_bookings', [bookingIds, 'RETENTION', actor]);
}

/** Stays to erase, which have been over for so long. */
export function overStays(db: Database, ageDays: number, limit = BOOKINGS_PER_CALL): Promise<string[]> {
  return callJson(db, 'over_stays', [`${ageDays} days`, limit]);
}

/** A part of a line of tickets whose event has been over for so long. */
export interface OverLine {
  readonly offerId: string;
  /** Places in the line: behind the one, up to the other; null at its end. */
  readonly after: number;
  readonly through: number | null;
  readonly ids: readonly string[];
}

export function overLine(db: Database, ageDays: number, limit = BOOKINGS_PER_CALL): Promise<OverLine | null> {
  return callJson(db, 'over_line', [`${ageDays} days`, limit]);
}

/** That part is done: what could not be erased of it is looked at again a day later. */
export function walkLine(db: Database, { offerId, after, through }: OverLine): Promise<boolean> {
  return callJson(db, 'walk_line', [offerId, after, through]);
}

/** Its erasure failed: not again for a day. */
export function putOffErasure(db: Database, bookingId: string): Promise<boolean> {
  return callJson(db, 'put_off_erasure', [bookingId]);
}

export function erasuresPutOff(db: Database): Promise<number> {
  return callJson(db, 'erasures_put_off', []);
}

export interface ErasedBooking {
  readonly bookingId: string;
  /** Of all its charges at the payment provider. */
  readonly chargeKeys: readonly string[];
}

/** Bookings that were erased here so long ago, and whose mails and means of payment lie elsewhere. */
export function erasedElsewhere(db: Database, quietMs: number, limit: number): Promise<ErasedBooking[]> {
  return callJson<ErasedBooking[]>(db, 'erased_elsewhere', [`${quietMs} milliseconds`, limit]);
}

/** They are gone there too. */
export function forgotten(db: Database, bookingIds: readonly string[]): Promise<number> {
  return callJson<number>(db, 'forgotten', [bookingIds]);
}
