import type { Database } from '../../database/database.js';
import type { AcceptRequest, AcceptResult } from './types.js';
import { batchValues, readAnswer, type AcceptedLine, type OtherRow } from './accept.js';
import { arrayLiteral } from './array-literal.js';

/**
 * The door of room offers. As `accept_bookings`, but for what nights make different: stays compete only where they
 * share one, for units, for their place and for the length of the line.
 *
 * ARGUMENTS as there, with the first and the last night of each stay.
 * RETURNS as there; of those that entered, `places` has position and estimated wait.
 * LOCKS lines by id, then stock, then inserts.
 */
export const sql = /* sql */ `
-- The position of each stay of a batch, in their order: after those of its own line that wait for one of its nights
-- already (p_rivals) and those before it in the batch that enter. Null where the line is full for it. Nights are
-- numbers from 1 on.
create or replace function stay_positions(
  p_firsts integer[], p_lasts integer[], p_rivals integer[], p_max_length integer
) returns integer[]
language plpgsql immutable as $$
declare
  v_positions integer[] := '{}';
  v_nights integer := (select max(last) from unnest(p_lasts) as last);
  -- of the batch, by night: those who need it, and those whose first night it is
  v_covering integer[] := array_fill(0, array[v_nights]);
  v_beginning integer[] := v_covering;
  v_first integer;
  v_position integer;
begin
  for i in 1 .. cardinality(p_firsts) loop
    v_first := p_firsts[i];
    v_position := p_rivals[i] + 1 + v_covering[v_first];
    for n in v_first + 1 .. p_lasts[i] loop
      v_position := v_position + v_beginning[n];
    end loop;
    if v_position > p_max_length then
      v_positions := v_positions || null::integer;
      continue;
    end if;
    v_positions := v_positions || v_position;
    v_beginning[v_first] := v_beginning[v_first] + 1;
    for n in v_first .. p_lasts[i] loop
      v_covering[n] := v_covering[n] + 1;
    end loop;
  end loop;
  return v_positions;
end $$;

create or replace function accept_stays(
  p_resend boolean, p_max_length integer, p_offers text[], p_ids uuid[], p_offer integer[], p_customers text[],
  p_quantities integer[], p_emails text[], p_methods text[], p_keys text[], p_hashes text[],
  p_actor_kinds text[], p_actors text[], p_addresses text[], p_correlations text[], p_firsts date[], p_lasts date[]
) returns table (outcomes jsonb, lines jsonb)
language plpgsql volatile as $$
declare
  v_now timestamptz;
begin
  perform 1 from booking_line where offer_id = any (p_offers) order by booking_line.offer_id for no key update;
  v_now := clock_timestamp();

  return query
  with facts as materialized (
    select wanted_offer.number, l.*, o.paused, o.opens_at, o.closes_at, o.time_zone, o.check_in_time, o.min_nights,
      o.max_nights as offer_max_nights, o.hold_seconds, o.price_minor, o.currency, o.limit_per_customer,
      o.max_quantity as offer_max_quantity, t.today, n.base, n.arrived, n.gone
    from unnest(p_offers) with ordinality as wanted_offer (offer_id, number)
    join booking_line l on l.offer_id = wanted_offer.offer_id
    -- limit 1 keeps this a look-up by the id
    cross join lateral (select * from offer where id = l.offer_id limit 1) o
    cross join lateral (select (v_now at time zone o.time_zone)::date as today) t
    cross join lateral (
      -- by night, from yesterday on: how many waiting stays have begun by it, and how many of these have ended
      select min(c.day) - 1 as base, array_agg(c.arrived + b.begun order by c.day) as arrived,
        array_agg(c.gone order by c.day) as gone
      from (
        select day, sum(arriving) over (order by day)::integer as arrived, sum(leaving) over (order by day)::integer as gone
        from stock_by_night(l.offer_id, t.today - 2, t.today + 366 + greatest(o.max_nights, l.max_nights))
      ) c
      cross join lateral (
        -- before that, and nobody has told them yet that it is over
        select count(*)::integer as begun from booking w
        where stay_line(w.state, w.check_in, w.offer_id) = l.offer_id
          and w.first_day between t.today - 1 - l.max_nights and t.today - 2 and w.last_day > t.today - 2
      ) b
    ) n
    where o.kind = 'room'
  ),
  request as materialized (
    select r.*, f.offer_id, r.last_day - r.first_day + 1 as nights,
      (r.first_day + f.check_in_time) at time zone f.time_zone as check_in,
      k.body_hash as known_hash, k.booking_id as known_booking, b.id as own_id,
      n.available >= r.quantity as fits, n.unsold,
      case
        when f.offer_id is null then 'OFFER_NOT_FOUND'
        when f.paused then 'OFFER_PAUSED'
        when f.opens_at > v_now then 'OFFER_NOT_OPEN'
        when f.closes_at <= v_now then 'OFFER_CLOSED'
        when (r.first_day + f.check_in_time) at time zone f.time_zone <= v_now then 'CHECK_IN_PAST'
        when r.first_day > f.today + 366 then 'TOO_FAR_AHEAD'
        when r.last_day - r.first_day + 1 < f.min_nights then 'STAY_TOO_SHORT'
        when r.last_day - r.first_day + 1 > f.offer_max_nights then 'STAY_TOO_LONG'
        when r.quantity > f.offer_max_quantity then 'LIMIT_PER_CUSTOMER'
        when n.on_sale < r.last_day - r.first_day + 1 then 'NIGHT_NOT_ON_SALE'
        when r.quantity > n.not_final then 'SOLD_OUT'
        when r.quantity > f.limit_per_customer - own.most then 'LIMIT_PER_CUSTOMER'
      end as refusal
    from unnest(p_ids, p_offer, p_customers, p_quantities, p_emails, p_methods, p_keys, p_hashes,
        p_actor_kinds, p_actors, p_addresses, p_correlations, p_firsts, p_lasts)
      with ordinality as r (id, offer_number, customer_id, quantity, email, method, key, hash,
        actor_kind, actor, address, correlation, first_day, last_day, number)
    left join facts f on f.number = r.offer_number
    cross join lateral (
      select count(*) as on_sale, min(s.available) as available, min(s.capacity - s.sold) as unsold,
        min(s.capacity - s.sold - s.paid) as not_final
      from stock s where s.offer_id = f.offer_id and s.day between r.first_day and r.last_day
    ) n
    -- what the customer has on the night on which it is most
    cross join lateral (
      select coalesce(max(night.units), 0) as most from (
        select sum(live.quantity) as units
        from booking live
        cross join generate_series(greatest(live.first_day, r.first_day) - r.first_day,
          least(live.last_day, r.last_day) - r.first_day) as i
        where live.customer_id = r.customer_id and live.offer_id = f.offer_id
          and live.state in ('waiting', 'held', 'paying', 'paid', 'confirmed')
        group by i
      ) night
    ) own
    left join lateral (
      select key.body_hash, key.booking_id from idempotency_key key
      where key.customer_id = r.customer_id and key.route = 'accept' and key.key = r.key limit 1
    ) k on true
    left join lateral (
      select sent.id from booking sent where sent.id = r.id and p_resend and sent.customer_id = r.customer_id limit 1
    ) b on true
  ),
  -- Waiting stays that share a night with one: those that have begun by its last night, less those that have ended
  -- before its first.
  numbered as materialized (
    select r.*, f.arrived[least(r.last_day - f.base, cardinality(f.arrived))]
        - coalesce(f.gone[least(r.first_day - 1 - f.base, cardinality(f.gone))], 0) as rivals,
      row_number() over (partition by r.offer_number order by r.number)::integer as turn
    from request r join facts f on f.number = r.offer_number
    where r.refusal is null and coalesce(r.known_hash, r.own_id::text) is null
  ),
  placed as materialized (
    select n.offer_number, stay_positions(array_agg(n.first_day - f.base order by n.turn),
      array_agg(n.last_day - f.base order by n.turn), array_agg(n.rivals order by n.turn), p_max_length) as positions
    from numbered n join facts f on f.number = n.offer_number
    group by n.offer_number
  ),
  entering as materialized (
    select n.*, f.price_minor, f.currency, f.version + 1 as version, p.positions[n.turn] as position,
      row_number() over (partition by n.offer_id order by n.number) as place,
      f.last_seq + row_number() over (partition by n.offer_id order by n.number) as seq,
      least(f.hold_seconds * floor((p.positions[n.turn] - 1) / greatest(1, n.unsold)), 2147483647)::integer as wait
    from numbered n
    join facts f on f.number = n.offer_number
    join placed p on p.offer_number = n.offer_number
    where p.positions[n.turn] is not null
  ),
  inserted as (
    insert into booking (id, offer_id, seq, customer_id, quantity, first_day, last_day, check_in, state, version,
      accepted_version, price_minor, currency, email, payment_method, accepted_at, accepted_position, accepted_wait,
      correlation_id)
    select id, offer_id, seq, customer_id, quantity, first_day, last_day, check_in, 'waiting', version,
      version, price_minor * nights, currency, email, method, v_now, position, wait, correlation
    from entering
  ),
  keyed as (
    insert into idempotency_key (customer_id, route, key, body_hash, booking_id, created_at)
    select customer_id, 'accept', key, hash, id, v_now
    from entering where key is not null order by customer_id, key
  ),
  audited as (
    insert into audit_event (at, offer_id, booking_id, action, to_state, version, ordinal, quantity,
      actor_kind, actor_id, address, correlation_id)
    select v_now, offer_id, id, 'accept', 'waiting', version, place, quantity, actor_kind, actor, address, correlation
    from entering
  ),
  counted as (
    update stock s set arriving = s.arriving + edge.arriving, leaving = s.leaving + edge.leaving
    from (
      select e.offer_id, x.day, sum(x.arriving)::integer as arriving, sum(1 - x.arriving)::integer as leaving
      from entering e cross join lateral (values (e.first_day, 1), (e.last_day, 0)) as x (day, arriving)
      group by e.offer_id, x.day
    ) edge
    where s.offer_id = edge.offer_id and s.day = edge.day
  ),
  moved as (
    update booking_line l set last_seq = l.last_seq + e.many, version = l.version + 1, waiting = l.waiting + e.many,
      max_quantity = greatest(l.max_quantity, e.largest), max_nights = greatest(l.max_nights, e.longest),
      wanted = l.wanted + (e.first_fit is not null)::integer,
      -- nobody who does not fit now needs to be looked at before a night is released
      admit_from = case when l.admit_from > l.last_seq then coalesce(e.first_fit, l.last_seq + e.many + 1)
        else l.admit_from end
    from (
      select offer_id, count(*)::integer as many, max(quantity) as largest, max(nights) as longest,
        min(seq) filter (where fits) as first_fit
      from entering group by offer_id
    ) e
    where l.offer_id = e.offer_id
    returning l.offer_id, l.version, l.wanted <> l.admitted as wants
  )
  select
    (select jsonb_agg(jsonb_build_object('at', r.number - 1) ||
       case
         when r.own_id is not null or r.known_hash = r.hash then (
           select jsonb_build_object('bookingId', b.id, 'seq', b.seq, 'position', b.accepted_position,
             'wait', b.accepted_wait, 'version', b.accepted_version, 'fresh', r.own_id is not null)
           from booking b where b.id = coalesce(r.own_id, r.known_booking))
         when r.known_hash is not null then jsonb_build_object('code', 'IDEMPOTENCY_KEY_REUSED')
         when r.refusal = 'OFFER_NOT_OPEN' then
           jsonb_build_object('code', r.refusal, 'details', jsonb_build_object('opensAt', iso(f.opens_at), 'serverTime', iso(v_now)))
         when r.refusal = 'LIMIT_PER_CUSTOMER' then
           jsonb_build_object('code', r.refusal, 'details', jsonb_build_object('limit', least(f.limit_per_customer, f.offer_max_quantity)))
         when r.refusal = 'STAY_TOO_SHORT' then
           jsonb_build_object('code', r.refusal, 'details', jsonb_build_object('minNights', f.min_nights))
         when r.refusal = 'STAY_TOO_LONG' then
           jsonb_build_object('code', r.refusal, 'details', jsonb_build_object('maxNights', f.offer_max_nights))
         when r.refusal = 'TOO_FAR_AHEAD' then
           jsonb_build_object('code', r.refusal, 'details', jsonb_build_object('lastCheckIn', f.today + 366))
         when r.refusal = 'CHECK_IN_PAST' then
           jsonb_build_object('code', r.refusal, 'details', jsonb_build_object('checkInBefore', iso(r.check_in), 'serverTime', iso(v_now)))
         when r.refusal is not null then jsonb_build_object('code', r.refusal)
         else jsonb_build_object('code', 'LINE_FULL', 'details', jsonb_build_object('retryAfterSeconds', 10))
       end)
     from request r
     left join facts f on f.number = r.offer_number
     where r.number not in (select e.number from entering e)),
    (select jsonb_agg(jsonb_build_object('at', f.number - 1, 'version', coalesce(m.version, f.version),
       'wants', coalesce(m.wants, f.wanted <> f.admitted), 'seq', f.last_seq + 1,
       'places', (select jsonb_agg(jsonb_build_array(e.position, e.wait) order by e.place) from entering e where e.offer_id = f.offer_id)))
     from facts f left join moved m on m.offer_id = f.offer_id);
end $$;
`;

interface LineRow extends AcceptedLine {
  readonly places: readonly (readonly [position: number, wait: number])[] | null;
}

const call = {
  name: 'accept_stays',
  text: 'select * from accept_stays($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)',
};

/**
 * Puts a batch of stays into their lines, in the order given, in one transaction; resolves after the commit.
 * @param resend true where the batch may have been committed by an earlier call whose answer was lost.
 */
export async function acceptStays(
  db: Database,
  batch: readonly AcceptRequest[],
  maxLength: number,
  resend: boolean,
): Promise<AcceptResult> {
  const offers = [...new Set(batch.map((request) => request.offerId))];
  const [row] = await db.call<{ outcomes: OtherRow[] | null; lines: LineRow[] | null }>(call, [
    resend,
    maxLength,
    offers,
    ...batchValues(batch, offers),
    arrayLiteral(batch, (r) => stayOf(r).firstNight),
    arrayLiteral(batch, (r) => stayOf(r).lastNight),
  ]);
  if (row === undefined) throw new Error('accept_stays returned no row');
  return readAnswer(batch, offers, row.outcomes ?? [], row.lines ?? [], ({ places }, k) => places?.[k]);
}

function stayOf({ stay }: AcceptRequest): NonNullable<AcceptRequest['stay']> {
  if (stay === undefined) throw new TypeError('A request for tickets is none for a stay');
  return stay;
}
