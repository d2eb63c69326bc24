import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { LineChange, Offer } from './types.js';
import { callJson } from './call.js';

/**
 * Units that another system sells through a line of its own: held while it has reserved them, sold once it has confirmed
 * them, as those of a booking here. It waits in no line of ours and overtakes nobody who waits in one: it takes what is
 * there once nobody who waits fits into it.
 */
export const sql = /* sql */ `
-- How far a reservation has come under one fence.
create or replace function reservation_rank(p_state text) returns integer
language sql immutable parallel safe as $$
  select case p_state when 'reserved' then 1 when 'confirmed' then 2 when 'released' then 3 end
$$;

-- Which offer a reservation is of. RETURNS null where nothing was told of it yet.
create or replace function reserved_offer(p_service text, p_booking text) returns jsonb
language sql stable as $$
  select jsonb_build_object('id', o.id, 'kind', o.kind, 'groupId', o.group_id, 'type', o.unit_type)
  from reservation r join offer o on o.id = r.offer_id
  where r.service = p_service and r.booking_id = p_booking
$$;

-- Whether somebody who waits fits into what is there, and for rooms needs one of these nights. Expects the line's lock.
-- Where nobody has to be looked at, nobody fits. True as well where more than 20,000 kinds of stays come into question.
create or replace function somebody_fits(l booking_line, p_first date, p_last date, p_now timestamptz) returns boolean
language plpgsql volatile as $$
declare
  o offer%rowtype;
  v_base date;
  v_free integer[];
  v_arriving integer[];
  v_leaving integer[];
  v_nights integer[];
  v_kinds integer[];
begin
  if l.waiting = 0 or l.wanted = l.admitted then return false; end if;
  select * into o from offer where id = l.offer_id;
  if o.kind = 'ticket' then
    -- the front of the line, were it of those who fit alone
    select least(available, l.max_quantity) into l.max_quantity from stock where offer_id = l.offer_id;
    return o.starts_at > p_now and line_front(l) <= l.last_seq;
  end if;

  select min(day) - 1, array_agg(available order by day), array_agg(arriving order by day), array_agg(leaving order by day)
  into v_base, v_free, v_arriving, v_leaving
  from stock_by_night(l.offer_id, p_first - l.max_nights, p_last + l.max_nights);
  select array_agg(n order by n) into v_nights
  from generate_series(p_first - v_base, p_last - v_base) as n where v_free[n] > 0;
  if v_nights is null then return false; end if;
  v_kinds := stay_kinds(v_free, v_arriving, v_leaving, v_nights, l.max_nights, 20000);
  return v_kinds is null or exists (
    select from generate_series(1, cardinality(v_kinds), 3) as k
    cross join lateral generate_series(1, least(v_kinds[k + 2], l.max_quantity)) as q (quantity)
    cross join lateral (
      select w.seq from booking w
      where stay_line(w.state, w.check_in, w.offer_id) = l.offer_id
        and w.first_day = v_base + v_kinds[k] and w.last_day = v_base + v_kinds[k + 1] and w.quantity = q.quantity
        and w.check_in > p_now
      order by w.seq limit 1
    ) first);
end $$;

-- Brings a reservation's units from where they are to where they belong in a state. Expects the line's lock.
-- Refuses SOLD_OUT, NIGHT_NOT_ON_SALE; OTHERS_FIRST where it takes units that somebody who waits fits into.
create or replace function move_reserved(l booking_line, r reservation, p_to text, p_now timestamptz) returns void
language plpgsql volatile as $$
declare
  v_held integer := r.quantity * ((p_to = 'reserved')::integer - (r.state = 'reserved')::integer);
  v_sold integer := r.quantity * ((p_to = 'confirmed')::integer - (r.state = 'confirmed')::integer);
  -- tickets are all of one day
  v_first date := coalesce(r.first_night, '-infinity');
  v_last date := coalesce(r.last_night, 'infinity');
  v_days integer;
  v_scarce integer;
begin
  perform 1 from stock where offer_id = r.offer_id and day between v_first and v_last order by day for no key update;
  select count(*), count(*) filter (where available < v_held + v_sold) into v_days, v_scarce
  from stock where offer_id = r.offer_id and day between v_first and v_last;
  if v_days < coalesce(r.last_night - r.first_night + 1, 1) then perform refuse('NIGHT_NOT_ON_SALE'); end if;
  if v_scarce > 0 then perform refuse('SOLD_OUT'); end if;
  if v_held + v_sold > 0 and somebody_fits(l, v_first, v_last, p_now) then
    perform refuse('OTHERS_FIRST', jsonb_build_object('retryAfterSeconds', 1));
  end if;
  update stock set available = available - v_held - v_sold, held = held + v_held, sold = sold + v_sold,
    released = released or v_held + v_sold < 0, tightened = tightened or v_sold > 0
  where offer_id = r.offer_id and day between v_first and v_last;
end $$;

-- What a service tells of a booking of its own: under a higher fence than was told before, or under the same and further
-- on. Anything else changes nothing. RETURNS the reservation as it is now, and the line where units moved; null where
-- there is no such offer. Refuses SOLD_OUT, NIGHT_NOT_ON_SALE, OTHERS_FIRST, IDEMPOTENCY_KEY_REUSED.
-- LOCKS line, reservation, stock.
create or replace function tell_reservation(p_service text, p jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  r reservation%rowtype;
  v_to text := p->>'state';
  v_fence bigint := p->>'fence';
  v_now timestamptz;
  v_version bigint;
begin
  select * into l from booking_line where offer_id = p->>'offerId' for no key update;
  if not found then return null; end if;
  -- Claimed before anything moves: of two calls that tell of it for two offers, each with its own line, one waits here.
  insert into reservation (service, booking_id, fence, state, offer_id, quantity, first_night, last_night, changed_at)
  values (p_service, p->>'bookingId', -1, 'released', p->>'offerId', (p->>'quantity')::integer,
    (p->>'firstNight')::date, (p->>'lastNight')::date, clock_timestamp())
  on conflict do nothing;
  select * into r from reservation where service = p_service and booking_id = p->>'bookingId' for no key update;
  if row(r.offer_id, r.quantity, r.first_night, r.last_night) is distinct from
    row(p->>'offerId', (p->>'quantity')::integer, (p->>'firstNight')::date, (p->>'lastNight')::date) then
    perform refuse('IDEMPOTENCY_KEY_REUSED');
  end if;
  if row(v_fence, reservation_rank(v_to)) > row(r.fence, reservation_rank(r.state)) then
    v_now := clock_timestamp();
    if v_to <> r.state then
      perform move_reserved(l, r, v_to, v_now);
      update booking_line set version = version + 1, wanted = wanted + (v_to = 'released')::integer
      where offer_id = r.offer_id returning version into v_version;
    end if;
    perform write_audit(v_now, r.offer_id, null, 'reservation.' || v_to, null, null, v_version,
      case when v_version is not null then 1 end, r.quantity, p_actor,
      jsonb_strip_nulls(jsonb_build_object('service', p_service, 'bookingId', r.booking_id, 'fence', v_fence,
        'from', r.state, 'firstNight', r.first_night, 'lastNight', r.last_night,
        -- of those up to it nobody who waited fitted into what it took
        'afterSeq', case when r.state = 'released' and v_to <> r.state then l.last_seq end)));
    update reservation set fence = v_fence, state = v_to, changed_at = v_now
    where service = r.service and booking_id = r.booking_id returning * into r;
    if v_to = 'confirmed' and v_version is not null then perform sell_out_line(r.offer_id, v_now, p_actor); end if;
    select * into l from booking_line where offer_id = r.offer_id;
  end if;
  return jsonb_build_object('line', case when v_version is not null then line_json(l) end,
    'reservation', jsonb_build_object('bookingId', r.booking_id, 'fence', r.fence, 'state', r.state,
      'offerId', r.offer_id, 'quantity', r.quantity));
end $$;
`;

export type ReservationState = 'reserved' | 'confirmed' | 'released';

/** As a service names it. */
export interface Reservation {
  readonly bookingId: string;
  readonly fence: number;
  readonly state: ReservationState;
  readonly offerId: string;
  readonly quantity: number;
}

export interface ToldReservation extends Reservation {
  /** Of rooms, both included, as `YYYY-MM-DD`. */
  readonly firstNight?: string;
  readonly lastNight?: string;
}

export interface ReservationKept {
  readonly reservation: Reservation;
  /** Where units moved. */
  readonly line: LineChange | null;
}

/** The offer of a reservation. */
export interface ReservedOffer {
  readonly id: string;
  readonly kind: Offer['kind'];
  /** An event or a hotel. */
  readonly groupId: string;
  /** A ticket type or a room type. */
  readonly type: string;
}

/** Null where nothing was told of it yet. */
export function reservedOffer(
  db: Database,
  service: string,
  bookingId: string,
): Promise<ReservedOffer | null> {
  return callJson<ReservedOffer | null>(db, 'reserved_offer', [service, bookingId]);
}

/** Null where there is no such offer. @throws AppError SOLD_OUT, NIGHT_NOT_ON_SALE, OTHERS_FIRST, IDEMPOTENCY_KEY_REUSED */
export function tellReservation(
  db: Database,
  service: string,
  told: ToldReservation,
  actor: Actor,
): Promise<ReservationKept | null> {
  return callJson<ReservationKept | null>(db, 'tell_reservation', [service, told, actor]);
}
