import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { Admission } from './types.js';
import { callJson } from './call.js';

/**
 * Grants what can be granted: the lowest waiting seq that fit, first fit, at most `p_limit` in one call.
 * A booking with a payment method goes on to `paying` with its attempt, so that no slow queue makes it expire.
 * RETURNS null where there is no such line.
 * LOCKS line, stock, bookings.
 */
export const sql = /* sql */ `
-- waiting → held, or → paying where a method was given up front, at the line's new version. The caller has the lock,
-- takes the units and counts the line. RETURNS the bookings in the order of their seq.
create or replace function grant_places(l booking_line, o offer, p_seqs bigint[], p_now timestamptz, p_actor jsonb)
returns jsonb
language plpgsql volatile as $$
declare
  v_bookings jsonb;
begin
  with granted as (
    update booking b set
      state = (case when b.payment_method is null then 'held' else 'paying' end)::booking_state,
      fence = b.fence + case when b.payment_method is null then 1 else 2 end,
      version = l.version,
      deadline = case when b.payment_method is null then p_now + make_interval(secs => o.hold_seconds) end,
      redrive_at = case when b.payment_method is not null then p_now + interval '10 seconds' end
    where b.offer_id = l.offer_id and b.seq = any (p_seqs)
    returning b.*, b as whole
  ),
  attempts as (
    insert into payment_attempt (booking_id, fence, provider_key, amount_minor, currency, method, state, started_at)
    select id, fence, id || '-' || fence, price_minor * quantity, currency, payment_method, 'started', p_now
    from granted where state = 'paying'
  ),
  mails as (
    insert into mail (booking_id, kind, fence, next_at)
    select id, 'your_turn', fence, p_now from granted where state = 'held' and email is not null
  ),
  audited as (
    insert into audit_event (at, offer_id, booking_id, action, from_state, to_state, version, ordinal, quantity,
      actor_kind, actor_id, correlation_id, address, salt)
    select p_now, l.offer_id, t.id, t.action, t.from_state, t.to_state, l.version, t.ordinal, t.quantity,
      p_actor->>'kind', p_actor->>'id', t.correlation_id,
      p_actor->>'address', case when p_actor->>'address' is not null then gen_random_uuid() end
    from (
      select g.id, g.quantity, g.correlation_id, e.action, e.from_state, e.to_state, 2 * g.place - 1 + e.after as ordinal
      from (select *, row_number() over (order by seq) as place from granted) g
      cross join lateral (values
        ('grant', 'waiting'::booking_state, 'held'::booking_state, 0),
        ('pay', 'held', 'paying', 1)
      ) as e (action, from_state, to_state, after)
      where e.after = 0 or g.state = 'paying'
    ) t
    order by t.ordinal
  )
  select jsonb_agg(booking_json(g.whole, l) order by g.seq) into v_bookings from granted g;

  perform note_departures(l.offer_id, l.version, p_seqs, p_now);
  return v_bookings;
end $$;

create or replace function admit_bookings(p_offer text, p_limit integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  o offer%rowtype;
  s stock%rowtype;
  v_now timestamptz;
  v_free integer;
  v_seqs bigint[] := '{}';
  v_units integer := 0;
  v_more boolean := false;
  v_bookings jsonb;
  c record;
begin
  select * into l from booking_line where offer_id = p_offer for no key update;
  if not found then return null; end if;
  select * into o from offer where id = p_offer;
  if o.kind = 'room' then return admit_stays(l, o, p_limit, p_actor); end if;
  select * into s from stock where offer_id = p_offer for no key update;
  v_now := clock_timestamp();
  v_free := s.available;

  if o.starts_at <= v_now then
    perform sell_out_line(p_offer, v_now, p_actor);
    -- Nothing is ever granted again: without this every sweep would look.
    update booking_line set admitted = wanted where offer_id = p_offer and admitted <> wanted;
  elsif not o.paused then
    for c in
      select b.seq, b.quantity
      from generate_series(1, least(v_free, l.max_quantity)) as q (quantity)
      cross join lateral (
        select w.seq, w.quantity from booking w
        where w.offer_id = p_offer and w.state = 'waiting' and w.quantity = q.quantity
          and w.seq >= case when q.quantity >= l.sold_out_min_quantity
                            then greatest(l.front, l.sold_out_through + 1) else l.front end
        order by w.seq limit p_limit + 1
      ) b
      order by b.seq
    loop
      exit when v_free = 0;
      if cardinality(v_seqs) = p_limit then v_more := true; exit; end if;
      if c.quantity <= v_free then
        v_seqs := v_seqs || c.seq;
        v_free := v_free - c.quantity;
        v_units := v_units + c.quantity;
      end if;
    end loop;

    if cardinality(v_seqs) > 0 then
      l.version := l.version + 1;
      v_bookings := grant_places(l, o, v_seqs, v_now, p_actor);
      update stock set available = available - v_units, held = held + v_units where offer_id = p_offer;
      l.waiting := l.waiting - cardinality(v_seqs);
      l.front := line_front(l);
      l.grants_per_minute := grant_rate(l, cardinality(v_seqs), v_now);
      l.granted_at := v_now;
    end if;

    if not v_more then l.admitted := l.wanted; end if;
    update booking_line set version = l.version, waiting = l.waiting, front = l.front, admitted = l.admitted,
      grants_per_minute = l.grants_per_minute, granted_at = l.granted_at
    where offer_id = p_offer;
  end if;

  select * into l from booking_line where offer_id = p_offer;
  return jsonb_build_object('bookings', coalesce(v_bookings, '[]'), 'line', line_json(l), 'more', v_more);
end $$;

-- The moving average of grants a minute, over about a minute.
create or replace function grant_rate(l booking_line, p_granted integer, p_now timestamptz) returns double precision
language plpgsql immutable as $$
declare
  v_elapsed double precision := extract(epoch from p_now - l.granted_at);
  v_old double precision;
begin
  -- The first grants of a sale are those that stock was there for: they say nothing about those to come.
  if l.granted_at is null then return 0; end if;
  v_old := fading(l.granted_at, p_now);
  return l.grants_per_minute * v_old + p_granted * (1 - v_old) * 60 / greatest(v_elapsed, 0.05);
end $$;
`;

/** At most so many grants in one transaction. */
export const GRANTS_PER_CALL = 500;

/** Null where there is no such offer. */
export function admit(
  db: Database,
  offerId: string,
  actor: Actor,
  limit = GRANTS_PER_CALL,
): Promise<Admission | null> {
  return callJson<Admission | null>(db, 'admit_bookings', [offerId, limit, actor]);
}
