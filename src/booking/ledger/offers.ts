import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { LineChange, NewOffer, Offer, OfferChange, RequestKey } from './types.js';
import { callJson, ownKey } from './call.js';

/** What is on sale: an offer, its line and its stock come and change together. */
export const sql = /* sql */ `
create or replace function offer_json(p_id text) returns jsonb
language sql stable as $$
  select offer_facts_json(o) || offer_rules_json(o, l) || jsonb_build_object(
    'stock', jsonb_build_object('capacity', s.capacity, 'available', s.available, 'held', s.held, 'sold', s.sold))
  from offer o join booking_line l on l.offer_id = o.id join stock s on s.offer_id = o.id
  where o.id = p_id and o.kind = 'ticket'
  union all
  select room_offer_json(o) from offer o where o.id = p_id and o.kind = 'room'
$$;

-- What an offer says now of the members that a change names: for the audit log.
create or replace function offer_before(p_offer text, p_change jsonb) returns jsonb
language sql stable as $$
  select coalesce(jsonb_object_agg(known.key, known.value), '{}')
  from jsonb_each(
    offer_json(p_offer) || coalesce((select jsonb_build_object('capacity', capacity)
      from stock join offer on offer.id = offer_id where offer_id = p_offer and kind = 'ticket'), '{}')
  ) known
  where p_change ? known.key
$$;

-- RETURNS the offer. Refuses OFFER_EXISTS, OFFER_INVALID.
create or replace function create_offer(p jsonb, p_key jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_now timestamptz := clock_timestamp();
  v_known jsonb := claim_key(p_key, v_now);
begin
  if v_known is not null then return v_known; end if;
  perform check_time_zone(p->>'timeZone');
  insert into offer (id, kind, group_id, unit_type, title, venue, time_zone, starts_at, price_minor, currency,
    opens_at, closes_at, hold_seconds, limit_per_customer, max_quantity)
  values (p->>'id', 'ticket', p->>'eventId', p->>'ticketType', p->>'title', p->>'venue', p->>'timeZone',
    (p->>'startsAt')::timestamptz, (p->'price'->>'amountMinor')::bigint, p->'price'->>'currency',
    (p->>'opensAt')::timestamptz, (p->>'closesAt')::timestamptz, (p->>'holdSeconds')::integer,
    (p->>'limitPerCustomer')::integer, (p->>'maxQuantity')::integer)
  on conflict do nothing;
  if not found then perform refuse('OFFER_EXISTS'); end if;
  insert into booking_line (offer_id) values (p->>'id');
  insert into stock (offer_id, day, capacity, available, held, paid, sold)
  values (p->>'id', ((p->>'startsAt')::timestamptz at time zone (p->>'timeZone'))::date,
    (p->>'capacity')::integer, (p->>'capacity')::integer, 0, 0, 0);
  perform set_terms(p->>'id', 1, p->'cancellation');
  perform check_offer(p->>'id');
  perform write_audit(v_now, p->>'id', null, 'offer.create', null, null, 1, 0, (p->>'capacity')::integer, p_actor, p);
  return store_response(p_key, offer_json(p->>'id'));
end $$;

-- What p_change does not name stays. RETURNS {offer, line}; null where there is none. Refuses CAPACITY_BELOW_SOLD,
-- OFFER_INVALID. The audit log keeps what was named and, under before, what stood there.
-- LOCKS line, stock, offer.
create or replace function change_offer(p_id text, p_change jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  s stock%rowtype;
  v_now timestamptz;
  v_more integer := 0;
  v_nights jsonb;
  v_before jsonb;
begin
  select * into l from booking_line where offer_id = p_id for no key update;
  if not found then return null; end if;
  select * into s from stock where offer_id = p_id order by day limit 1 for no key update;
  v_now := clock_timestamp();
  v_before := offer_before(p_id, p_change);
  if exists (select from offer where id = p_id
    and p_change ?| case kind when 'room' then array['capacity'] else array['nights', 'minNights', 'maxNights'] end)
  then
    perform refuse('OFFER_INVALID', jsonb_build_object('problem', 'NOT_OF_THIS_KIND'));
  end if;
  if p_change ? 'nights' then
    v_nights := set_nights(p_id, p_change->'nights');
    p_change := jsonb_set(p_change, '{nights}', v_nights);
  end if;
  if p_change ? 'capacity' then
    v_more := (p_change->>'capacity')::integer - s.capacity;
    if s.available + v_more < 0 then
      perform refuse('CAPACITY_BELOW_SOLD', jsonb_build_object('least', s.held + s.sold));
    end if;
    update stock set capacity = capacity + v_more, available = available + v_more where offer_id = p_id;
  end if;
  update offer o set
    title = coalesce(p_change->>'title', o.title),
    venue = coalesce(p_change->>'venue', o.venue),
    price_minor = coalesce((p_change->'price'->>'amountMinor')::bigint, o.price_minor),
    currency = coalesce(p_change->'price'->>'currency', o.currency),
    opens_at = case when p_change ? 'opensAt' then (p_change->>'opensAt')::timestamptz else o.opens_at end,
    closes_at = case when p_change ? 'closesAt' then (p_change->>'closesAt')::timestamptz else o.closes_at end,
    paused = coalesce((p_change->>'paused')::boolean, o.paused),
    hold_seconds = coalesce((p_change->>'holdSeconds')::integer, o.hold_seconds),
    limit_per_customer = coalesce((p_change->>'limitPerCustomer')::integer, o.limit_per_customer),
    max_quantity = coalesce((p_change->>'maxQuantity')::integer, o.max_quantity),
    min_nights = coalesce((p_change->>'minNights')::integer, o.min_nights),
    max_nights = coalesce((p_change->>'maxNights')::integer, o.max_nights)
  where o.id = p_id;
  perform check_offer(p_id);
  update booking_line set version = version + 1, wanted = wanted + 1 where offer_id = p_id returning * into l;
  perform set_terms(p_id, l.version, p_change->'cancellation');
  perform write_audit(v_now, p_id, null, 'offer.change', null, null, l.version, 0, v_more, p_actor,
    p_change || jsonb_build_object('before', v_before));
  if v_more < 0 or v_nights is not null then perform sell_out_line(p_id, v_now, p_actor); end if;
  select * into l from booking_line where offer_id = p_id;
  return jsonb_build_object('offer', offer_json(p_id), 'line', line_json(l));
end $$;

create or replace function list_offers(p_after text, p_limit integer) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(offer_json(id) order by id), '[]') from (
    select id from offer where id > p_after order by id limit p_limit
  ) page
$$;

-- The offers of one event ('ticket') or hotel ('room'): id and type of each.
create or replace function offers_of(p_kind text, p_group text) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'type', unit_type) order by unit_type), '[]')
  from offer where kind = p_kind and group_id = p_group
$$;
`;

/** @throws AppError OFFER_EXISTS, OFFER_INVALID, IDEMPOTENCY_KEY_REUSED */
export function createOffer(
  db: Database,
  offer: NewOffer,
  key: RequestKey | null,
  actor: Actor,
): Promise<Offer> {
  return callJson<Offer>(db, 'create_offer', [offer, key ?? ownKey('offer'), actor]);
}

/**
 * Null where there is no such offer.
 * @throws AppError CAPACITY_BELOW_SOLD, OFFER_INVALID
 */
export function changeOffer(
  db: Database,
  offerId: string,
  change: OfferChange,
  actor: Actor,
): Promise<{ offer: Offer; line: LineChange } | null> {
  return callJson(db, 'change_offer', [offerId, change, actor]);
}

export function offer(db: Database, offerId: string): Promise<Offer | null> {
  return callJson<Offer | null>(db, 'offer_json', [offerId]);
}

/** By id, those after `after`. */
export function offers(db: Database, after: string, limit: number): Promise<Offer[]> {
  return callJson<Offer[]>(db, 'list_offers', [after, limit]);
}

export function offersOf(
  db: Database,
  kind: Offer['kind'],
  groupId: string,
): Promise<{ id: string; type: string }[]> {
  return callJson(db, 'offers_of', [kind, groupId]);
}
