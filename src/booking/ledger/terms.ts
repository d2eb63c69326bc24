/** The terms of an offer: which may stand together, and when a booking may be given back for its money. */
export const sql = /* sql */ `
create or replace function terms_json(t offer_terms) returns jsonb
language sql immutable as $$
  select jsonb_build_object('refundable', coalesce(t.refundable, false), 'untilHoursBeforeStart', t.refund_until_hours)
$$;

-- The terms that an offer has now; without a row nothing is refundable.
create or replace function offer_terms_json(p_offer text) returns jsonb
language sql stable as $$
  select terms_json((select t from offer_terms t where offer_id = p_offer order by since_version desc limit 1))
$$;

-- What every offer says of its sale, whatever is sold.
create or replace function offer_rules_json(o offer, l booking_line) returns jsonb
language sql stable as $$
  select jsonb_build_object(
    'price', jsonb_build_object('amountMinor', o.price_minor, 'currency', o.currency),
    'cancellation', offer_terms_json(o.id),
    'opensAt', iso(o.opens_at), 'closesAt', iso(o.closes_at), 'paused', o.paused, 'holdSeconds', o.hold_seconds,
    'limitPerCustomer', o.limit_per_customer, 'maxQuantity', o.max_quantity, 'waiting', l.waiting, 'version', l.version)
$$;

-- The terms that a booking was accepted under, whatever the offer's have become: a customer keeps what was agreed.
-- RETURNS {refundable, untilHoursBeforeStart, refundableUntil}.
create or replace function booking_terms_json(b booking) returns jsonb
language sql stable as $$
  select terms_json(agreed) || jsonb_build_object('refundableUntil',
    iso((select coalesce(b.check_in, o.starts_at) - make_interval(hours => (agreed).refund_until_hours)
      from offer o where o.id = b.offer_id)))
  from (
    select (select t from offer_terms t
      where t.offer_id = b.offer_id and t.since_version < b.accepted_version
      order by t.since_version desc limit 1) as agreed
  ) known
$$;

-- Sets the terms of whoever is accepted after this version of the line. p_terms null: they stay as they are.
create or replace function set_terms(p_offer text, p_version bigint, p_terms jsonb) returns void
language plpgsql volatile as $$
begin
  if p_terms is null or p_terms = 'null' then return; end if;
  if not (p_terms->>'refundable')::boolean and p_terms->>'untilHoursBeforeStart' is not null then
    perform refuse('OFFER_INVALID', jsonb_build_object('problem', 'HOURS_WITHOUT_REFUND'));
  end if;
  insert into offer_terms (offer_id, since_version, refundable, refund_until_hours)
  values (p_offer, p_version, (p_terms->>'refundable')::boolean,
    case when (p_terms->>'refundable')::boolean then coalesce((p_terms->>'untilHoursBeforeStart')::integer, 0) end);
end $$;

-- Refuses a zone that this server does not know by that name, before any time is told in it. What is no name would be
-- taken for a rule, and +01:00 for an hour west; some names would be taken for abbreviations, which have no summer.
create or replace function check_time_zone(p_zone text) returns void
language plpgsql stable as $$
begin
  -- all names of the server take a while to read: what another offer has was looked up before
  if exists (select from offer where time_zone = p_zone) then return; end if;
  if upper(p_zone) in ('CET', 'EET', 'MET', 'WET')
    or not exists (select from pg_timezone_names where lower(name) = lower(p_zone))
  then
    perform refuse('OFFER_INVALID', jsonb_build_object('problem', 'TIME_ZONE_UNKNOWN'));
  end if;
end $$;

-- Refuses what can never be meant; looked at after a change, so that it is the whole offer that is judged.
create or replace function check_offer(p_offer text) returns void
language plpgsql stable as $$
declare
  o offer%rowtype;
begin
  select * into o from offer where id = p_offer;
  if o.closes_at <= o.opens_at then
    perform refuse('OFFER_INVALID', jsonb_build_object('problem', 'CLOSES_BEFORE_IT_OPENS'));
  end if;
  if o.opens_at >= o.starts_at then
    perform refuse('OFFER_INVALID', jsonb_build_object('problem', 'OPENS_AFTER_THE_START'));
  end if;
  if o.min_nights > o.max_nights then
    perform refuse('OFFER_INVALID', jsonb_build_object('problem', 'MIN_NIGHTS_ABOVE_MAX'));
  end if;
end $$;
`;
