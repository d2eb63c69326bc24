import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { NewRoomOffer, Night, Offer, RequestKey } from './types.js';
import { callJson, ownKey } from './call.js';

/** Room offers: as others, but with stock by night. */
export const sql = /* sql */ `
create or replace function room_offer_json(o offer) returns jsonb
language sql stable as $$
  select offer_facts_json(o) || offer_rules_json(o, l) || jsonb_build_object(
    'minNights', o.min_nights, 'maxNights', o.max_nights, 'firstNight', n.first, 'lastNight', n.last)
  from booking_line l
  cross join lateral (select min(day) as first, max(day) as last from stock where offer_id = o.id) n
  where l.offer_id = o.id
$$;

-- Puts nights on sale, or changes how many units they have; of ranges that share a night the last counts.
-- Expects the line's lock. RETURNS what changed, as [night, units more]. Refuses CAPACITY_BELOW_SOLD, OFFER_INVALID.
create or replace function set_nights(p_offer text, p_nights jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_days date[];
  v_capacities integer[];
  v_changes jsonb;
  v_short record;
  -- more than two years: what is further ahead is a mistake, and nobody could book it
  v_end date := (select (clock_timestamp() at time zone time_zone)::date + 800 from offer where id = p_offer);
begin
  if exists (select from jsonb_array_elements(p_nights) as r (item) where (r.item->>'to')::date > v_end) then
    perform refuse('OFFER_INVALID', jsonb_build_object('problem', 'NIGHTS_TOO_FAR_AHEAD', 'lastNight', v_end));
  end if;
  select array_agg(day order by day), array_agg(capacity order by day) into v_days, v_capacities
  from (
    select distinct on (day) day, capacity
    from (
      select (r.item->>'from')::date + i as day, (r.item->>'capacity')::integer as capacity, r.number
      from jsonb_array_elements(p_nights) with ordinality as r (item, number)
      cross join lateral generate_series(0, (r.item->>'to')::date - (r.item->>'from')::date) i
    ) named
    order by day, number desc
  ) wanted;

  select s.day, s.held + s.sold as least into v_short
  from stock s join unnest(v_days, v_capacities) as w (day, capacity) on w.day = s.day
  where s.offer_id = p_offer and s.held + s.sold > w.capacity order by s.day limit 1;
  if found then
    perform refuse('CAPACITY_BELOW_SOLD', jsonb_build_object('night', v_short.day, 'least', v_short.least));
  end if;

  select coalesce(jsonb_agg(jsonb_build_array(w.day, w.capacity - coalesce(s.capacity, 0)) order by w.day)
    filter (where w.capacity is distinct from s.capacity), '[]') into v_changes
  from unnest(v_days, v_capacities) as w (day, capacity) left join stock s on s.offer_id = p_offer and s.day = w.day;

  insert into stock as s (offer_id, day, capacity, available, held, paid, sold)
  select p_offer, w.day, w.capacity, w.capacity, 0, 0, 0 from unnest(v_days, v_capacities) as w (day, capacity)
  order by w.day
  on conflict (offer_id, day) do update set capacity = excluded.capacity,
    available = s.available + excluded.capacity - s.capacity,
    released = s.released or excluded.capacity > s.capacity,
    tightened = s.tightened or excluded.capacity < s.capacity;
  return v_changes;
end $$;

-- RETURNS the offer. Refuses OFFER_EXISTS, OFFER_INVALID.
create or replace function create_room_offer(p jsonb, p_key jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_now timestamptz := clock_timestamp();
  v_known jsonb := claim_key(p_key, v_now);
  v_nights jsonb;
begin
  if v_known is not null then return v_known; end if;
  perform check_time_zone(p->>'timeZone');
  insert into offer (id, kind, group_id, unit_type, title, venue, time_zone, starts_at, price_minor, currency,
    opens_at, closes_at, hold_seconds, limit_per_customer, max_quantity, check_in_time, check_out_time, min_nights, max_nights)
  values (p->>'id', 'room', p->>'hotelId', p->>'roomType', p->>'title', p->>'venue', p->>'timeZone', 'infinity',
    (p->'price'->>'amountMinor')::bigint, p->'price'->>'currency', (p->>'opensAt')::timestamptz,
    (p->>'closesAt')::timestamptz, (p->>'holdSeconds')::integer, (p->>'limitPerCustomer')::integer,
    (p->>'maxQuantity')::integer, (p->>'checkInTime')::time, (p->>'checkOutTime')::time, (p->>'minNights')::integer,
    (p->>'maxNights')::integer)
  on conflict do nothing;
  if not found then perform refuse('OFFER_EXISTS'); end if;
  insert into booking_line (offer_id) values (p->>'id');
  v_nights := set_nights(p->>'id', p->'nights');
  perform set_terms(p->>'id', 1, p->'cancellation');
  perform check_offer(p->>'id');
  perform write_audit(v_now, p->>'id', null, 'offer.create', null, null, 1, 0, null, p_actor,
    jsonb_set(p, '{nights}', v_nights));
  return store_response(p_key, offer_json(p->>'id'));
end $$;

-- RETURNS null where there is no such room offer.
create or replace function offer_nights(p_offer text, p_from date, p_to date) returns jsonb
language sql stable as $$
  select (
    select coalesce(jsonb_agg(jsonb_build_object('night', day, 'capacity', capacity, 'available', available,
      'held', held, 'sold', sold) order by day), '[]')
    from stock where offer_id = o.id and day between p_from and p_to)
  from offer o where o.id = p_offer and o.kind = 'room'
$$;
`;

/** @throws AppError OFFER_EXISTS, OFFER_INVALID, IDEMPOTENCY_KEY_REUSED */
export function createRoomOffer(
  db: Database,
  offer: NewRoomOffer,
  key: RequestKey | null,
  actor: Actor,
): Promise<Offer> {
  return callJson<Offer>(db, 'create_room_offer', [offer, key ?? ownKey('offer'), actor]);
}

/** Nights on sale, both ends included, as `YYYY-MM-DD`. Null where there is no such room offer. */
export function offerNights(
  db: Database,
  offerId: string,
  first: string,
  last: string,
): Promise<Night[] | null> {
  return callJson<Night[] | null>(db, 'offer_nights', [offerId, first, last]);
}
