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

-- Whether an event from before there were salts names a customer or an address.
create or replace function audit_is_nameable(e audit_event) returns boolean
language sql immutable as $$
  select audit_is_plain(e) and (e.actor_kind = 'customer' or e.address is not null)
$$;

-- Seals from before there were salts cover names as they stand. Before the first of them is erased its seal is checked,
-- its events get salts, and an event of the chain says what its digest is from now on; the seal's own hash stays, and so
-- do the seals after it. At most p_limit of them in a call. RETURNS how many; raises where one does not match its events.
-- LOCKS the chain, so that nobody seals meanwhile.
create or replace function recode_seals(p_bookings uuid[], p_limit integer, p_actor jsonb) returns integer
language plpgsql volatile as $$
declare
  s record;
  v_end bigint;
  v_event bigint;
  v_hash bytea;
  v_done integer := 0;
begin
  if not exists (select from audit_event e where e.booking_id = any (p_bookings) and audit_is_nameable(e)) then return 0; end if;
  perform 1 from audit_chain for no key update;
  for s in
    select distinct seal.*, coalesce((select hash from audit_seal p where p.number = seal.number - 1), sha256('fairline')) as previous
    from audit_event e
    cross join lateral (
      select * from audit_seal where first_id <= e.id and bound_from <= e.xid and e.xid < bound_to
      order by first_id desc, number limit 1
    ) seal
    where e.booking_id = any (p_bookings) and audit_is_nameable(e)
    limit p_limit
  loop
    select coalesce(min(first_id), 9223372036854775807) into v_end from audit_seal where first_id > s.first_id;
    if (select hash from audit_digest(s.previous, s.first_id, v_end, s.bound_from, s.bound_to)) <> s.hash then
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
    v_done := v_done + 1;
  end loop;
  -- not sealed yet
  if v_done = 0 then
    update audit_event e set salt = gen_random_uuid() where e.booking_id = any (p_bookings) and audit_is_nameable(e);
  end if;
  return v_done;
end $$;

-- Erases those of these bookings that can be erased now. RETURNS how many; null where it was busy with the chain and is
-- to be called again. What a seal covers of an event is the same before and after, so that nobody has to wait for it.
-- LOCKS bookings, keys.
create or replace function erase_bookings(p_ids uuid[], p_reason text, p_actor jsonb) returns integer
language plpgsql volatile as $$
declare
  v_ids uuid[];
  v_now timestamptz := clock_timestamp();
begin
  perform 1 from booking where id = any (p_ids) order by offer_id, seq for no key update;
  -- restored from a dump, and nothing sealed here yet
  if audit_restored() is not null then return 0; end if;
  select array_agg(b.id) into v_ids from booking b join offer o on o.id = b.offer_id
  where b.id = any (p_ids) and b.erased_at is null and is_erasable(b, o, v_now);
  if v_ids is null then return 0; end if;
  if recode_seals(v_ids, 2, p_actor) > 0 then return null; end if;

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
  insert into erased_booking (booking_id) select unnest(v_ids) on conflict do nothing;
  perform write_audit(v_now, b.offer_id, b.id, 'erase', null, null, null, null, null, p_actor,
    jsonb_build_object('reason', p_reason))
  from booking b where b.id = any (v_ids);
  return cardinality(v_ids);
end $$;

-- Erases at most p_limit bookings of a customer. RETURNS {erased, left}: where some are left and none was erased, the
-- ledger was restored from a dump and has not been sealed since. Refuses BOOKINGS_OPEN, with some of them, where one is
-- not over.
create or replace function erase_customer(p_customer text, p_limit integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_open jsonb;
  v_ids uuid[];
  v_erased integer;
begin
  select jsonb_agg(id order by id) into v_open from (
    select b.id from booking b join offer o on o.id = b.offer_id
    where b.customer_id = p_customer and not is_erasable(b, o, clock_timestamp()) limit 20
  ) still;
  if v_open is not null then perform refuse('BOOKINGS_OPEN', jsonb_build_object('bookings', v_open)); end if;
  v_ids := array(select id from booking where customer_id = p_customer limit p_limit);
  v_erased := erase_bookings(v_ids, 'REQUEST', p_actor);
  delete from idempotency_key where customer_id = p_customer and not exists (
    select from booking where customer_id = p_customer);
  return jsonb_build_object('erased', coalesce(v_erased, 0), 'again', v_erased is null,
    'left', (select count(*) from booking where customer_id = p_customer));
end $$;

-- Erases what has been over for p_age: at most p_limit stays, and those of the next p_limit bookings of a line of
-- tickets. What cannot be erased yet is looked at again a day later. RETURNS {erased, more}. LOCKS the walk through the
-- line, then as erase_bookings.
create or replace function erase_over(p_age interval, p_limit integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_now timestamptz := clock_timestamp();
  v_ids uuid[];
  v_stays integer;
  v_tickets integer := 0;
  v_offer text;
  w offer_erasure%rowtype;
  v_last bigint;
  v_left bigint;
begin
  v_ids := array(
    select b.id from booking b join offer o on o.id = b.offer_id
    where b.check_in is not null and b.erased_at is null and b.last_day < (v_now - p_age)::date
      and booking_over_at(b, o) <= v_now - p_age and is_erasable(b, o, v_now)
    order by b.last_day limit p_limit);
  v_stays := erase_bookings(v_ids, 'RETENTION', p_actor);
  if v_stays is null then return jsonb_build_object('erased', 0, 'more', true); end if;

  select o.id into v_offer
  from offer o left join offer_erasure e on e.offer_id = o.id
  where o.starts_at <= v_now - p_age - interval '1 day' and coalesce(e.next_at, '-infinity') <= v_now
  order by o.starts_at limit 1;
  if v_offer is not null then
    insert into offer_erasure (offer_id, next_at) values (v_offer, '-infinity') on conflict do nothing;
    -- one worker at a time
    select * into w from offer_erasure where offer_id = v_offer for no key update;
    if w.next_at > v_now then return jsonb_build_object('erased', v_stays, 'more', true); end if;
    select array_agg(id), max(seq) into v_ids, v_last from (
      select id, seq from booking where offer_id = v_offer and seq > w.through order by seq limit p_limit) next;
    if v_ids is null then
      update offer_erasure set through = coalesce(first_left - 1, through), first_left = null,
        next_at = case when first_left is null then 'infinity' else v_now + interval '1 day' end
      where offer_id = v_offer;
    else
      v_tickets := erase_bookings(v_ids, 'RETENTION', p_actor);
      if v_tickets is null then return jsonb_build_object('erased', v_stays, 'more', true); end if;
      select min(seq) into v_left from booking where id = any (v_ids) and erased_at is null;
      update offer_erasure set through = v_last, first_left = coalesce(first_left, v_left) where offer_id = v_offer;
    end if;
  end if;
  return jsonb_build_object('erased', v_stays + v_tickets, 'more', v_stays > 0 or v_offer is not null);
end $$;

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
  /** The audit chain was prepared for it: call again. */
  readonly again: boolean;
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

/** What has been over for so long; `more`: call again. */
export function eraseOver(
  db: Database,
  ageDays: number,
  actor: Actor,
  limit = BOOKINGS_PER_CALL,
): Promise<{ readonly erased: number; readonly more: boolean }> {
  return callJson(db, 'erase_over', [`${ageDays} days`, limit, actor]);
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
