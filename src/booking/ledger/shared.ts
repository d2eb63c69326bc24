/** Functions that the verbs share. Each expects the line to be locked by its caller. */
export const sql = /* sql */ `
-- KEYS: none. A time as ISO 8601 in UTC with milliseconds.
create or replace function iso(t timestamptz) returns text
language sql immutable parallel safe as $$
  select to_char(t at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- True where a sell-out decision covers the booking, whatever its own row says yet.
create or replace function is_covered(b booking, l booking_line) returns boolean
language sql immutable parallel safe as $$
  select b.state = 'waiting' and b.seq <= l.sold_out_through and b.quantity >= l.sold_out_min_quantity
$$;

-- The nights of a hotel booking; null for tickets.
create or replace function stay_json(b booking) returns jsonb
language sql stable as $$
  select case when b.check_in is not null then
    jsonb_build_object('checkIn', b.first_day, 'checkOut', b.last_day + 1, 'begins', iso(b.check_in)) end
$$;

-- A booking as the application reads it.
create or replace function booking_json(b booking, l booking_line) returns jsonb
language sql stable as $$
  select jsonb_build_object(
    'id', b.id, 'offerId', b.offer_id, 'seq', b.seq, 'customerId', b.customer_id, 'quantity', b.quantity,
    'state', case when is_covered(b, l) then 'sold_out' else b.state::text end,
    'reason', b.reason, 'fence', b.fence,
    'version', case when is_covered(b, l) then l.sold_out_version else b.version end,
    'progress', b.progress, 'deadline', case when b.state = 'held' then iso(b.deadline) end,
    'price', jsonb_build_object('amountMinor', b.price_minor * b.quantity, 'currency', b.currency),
    'email', b.email, 'jobId', 'fulfil-' || b.id, 'correlationId', b.correlation_id,
    'acceptedAt', iso(b.accepted_at), 'acceptedPosition', b.accepted_position,
    'acceptedWaitSeconds', b.accepted_wait,
    'stay', stay_json(b))
$$;

create or replace function line_json(l booking_line) returns jsonb
language sql immutable as $$
  select jsonb_build_object('offerId', l.offer_id, 'version', l.version, 'wantsAdmission', l.wanted <> l.admitted)
$$;

-- What is left of a moving average after a time. Bounded: after hours the exponent is beyond any number.
create or replace function fading(since timestamptz, t timestamptz) returns double precision
language sql immutable as $$
  select exp(-least(greatest(extract(epoch from t - since), 0), 36000)::double precision / 60)
$$;

-- Grants a minute as measured, fading when none come.
create or replace function line_rate(l booking_line, t timestamptz) returns double precision
language sql immutable as $$
  select case when l.granted_at is null then 0
    else l.grants_per_minute * fading(l.granted_at, t) end
$$;

-- Who left the line at a version, for the views.
create or replace function note_departures(p_offer text, p_version bigint, p_seqs bigint[], p_at timestamptz) returns void
language sql volatile as $$
  insert into line_departure (offer_id, version, ranges, at)
  select p_offer, p_version, array_agg(bound order by bound, side), p_at
  from (
    select min(seq) as low, max(seq) as high
    from (select seq, seq - row_number() over (order by seq) as run from unnest(p_seqs) as seq) numbered
    group by run
  ) runs cross join lateral (values (low, 0), (high, 1)) as bounds (bound, side)
  having count(*) > 0
  on conflict (offer_id, version) do update set ranges = line_departure.ranges || excluded.ranges
$$;

-- The smallest seq that waits and is not covered; one past the last where nobody does.
create or replace function line_front(l booking_line) returns bigint
language sql stable as $$
  select coalesce(min(first.seq), l.last_seq + 1)
  from generate_series(1, l.max_quantity) as q (quantity)
  cross join lateral (
    select b.seq from booking b
    where b.offer_id = l.offer_id and b.state = 'waiting' and b.quantity = q.quantity
      and b.seq >= case when q.quantity >= l.sold_out_min_quantity
                        then greatest(l.front, l.sold_out_through + 1) else l.front end
    order by b.seq limit 1
  ) first
$$;

-- The nights of a booking, or the day of its tickets. After the line, before the booking.
create or replace function lock_stock(p_id uuid) returns void
language sql volatile as $$
  select 1 from stock s join booking b on b.id = p_id
  where s.offer_id = b.offer_id and s.day between b.first_day and b.last_day
  order by s.day for no key update of s
$$;

-- Units go back on sale; somebody may want them.
create or replace function give_back(p_offer text, p_first date, p_last date, p_quantity integer) returns void
language sql volatile as $$
  update stock set available = available + p_quantity, held = held - p_quantity, released = true
  where offer_id = p_offer and day between p_first and p_last
$$;

-- Claims an idempotency key: null where it is new, the stored response where it was used with the same body.
-- Raises FL001 where the body differs.
create or replace function claim_key(p_key jsonb, p_now timestamptz) returns jsonb
language plpgsql volatile as $$
declare
  k idempotency_key%rowtype;
begin
  if p_key is null then return null; end if;
  insert into idempotency_key (customer_id, route, key, body_hash, created_at)
  values (p_key->>'customerId', p_key->>'route', p_key->>'key', p_key->>'bodyHash', p_now)
  on conflict do nothing;
  if found then return null; end if;
  select * into k from idempotency_key
  where customer_id = p_key->>'customerId' and route = p_key->>'route' and key = p_key->>'key';
  if k.body_hash <> p_key->>'bodyHash' then
    raise exception 'IDEMPOTENCY_KEY_REUSED' using errcode = 'FL001';
  end if;
  return k.response;
end $$;

create or replace function store_response(p_key jsonb, p_response jsonb) returns jsonb
language sql volatile as $$
  update idempotency_key set response = p_response, booking_id = coalesce(p_response#>>'{bookings,0,id}',
    p_response#>>'{moved,bookings,0,id}', p_response#>>'{letter,bookingId}', p_response->>'bookingId')::uuid
  where p_key is not null and customer_id = p_key->>'customerId' and route = p_key->>'route' and key = p_key->>'key';
  select p_response
$$;

-- What the system does by itself for a booking bears the correlation id of the request that began it; what somebody asked
-- for, that of their request. A salt where there is a person to name: see audit_person.
create or replace function write_audit(
  p_at timestamptz, p_offer text, p_booking uuid, p_action text, p_from booking_state, p_to booking_state,
  p_version bigint, p_ordinal bigint, p_quantity integer, p_actor jsonb, p_detail jsonb
) returns void
language sql volatile as $$
  insert into audit_event (at, offer_id, booking_id, action, from_state, to_state, version, ordinal, quantity,
    actor_kind, actor_id, address, salt, correlation_id, detail)
  values (p_at, p_offer, p_booking, p_action, p_from, p_to, p_version, p_ordinal, p_quantity,
    p_actor->>'kind', p_actor->>'id', p_actor->>'address',
    case when p_actor->>'kind' = 'customer' or p_actor->>'address' is not null then gen_random_uuid() end,
    coalesce(
      case when p_actor->>'kind' = 'system' and p_actor->>'address' is null then
        (select b.correlation_id from booking b where b.id = p_booking) end,
      p_actor->>'correlationId'),
    p_detail)
$$;

-- A refusal that undoes the whole call; the application reads the code from the message.
create or replace function refuse(p_code text, p_details jsonb default '{}') returns void
language plpgsql volatile as $$
begin
  raise exception '%', p_code using errcode = 'FL001', detail = p_details::text;
end $$;
`;
