import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { LineChange } from './types.js';
import { callJson } from './call.js';

/** Units that another system sells through a line of its own. */
export const sql = /* sql */ `
-- How far a reservation has come under one fence.
create or replace function reservation_rank(p_state text) returns integer
language sql immutable parallel safe as $$
  select case p_state when 'reserved' then 1 when 'confirmed' then 2 when 'released' then 3 end
$$;

-- Takes a reservation's units out of the capacity here, or, with -1, gives them back: as an operator would by a change
-- of the offer. RETURNS the line. Refuses SOLD_OUT, NIGHT_NOT_ON_SALE.
create or replace function move_reserved(r reservation, p_sign integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_quantity integer := p_sign * r.quantity;
  v_change jsonb;
  v_days integer;
begin
  if r.first_night is null then
    select jsonb_build_object('capacity', capacity - v_quantity), count(*) over () into v_change, v_days
    from stock where offer_id = r.offer_id and available >= v_quantity;
  else
    select jsonb_build_object('nights', jsonb_agg(jsonb_build_object('from', day, 'to', day,
      'capacity', capacity - v_quantity) order by day)), count(*) into v_change, v_days
    from stock where offer_id = r.offer_id and day between r.first_night and r.last_night and available >= v_quantity;
    if v_days < r.last_night - r.first_night + 1 then
      if (select count(*) from stock where offer_id = r.offer_id and day between r.first_night and r.last_night)
        < r.last_night - r.first_night + 1 then perform refuse('NIGHT_NOT_ON_SALE'); end if;
      v_change := null;
    end if;
  end if;
  if v_change is null then perform refuse('SOLD_OUT'); end if;
  return change_offer(r.offer_id, v_change, p_actor)->'line';
end $$;

-- What a service tells of a booking of its own: under a higher fence than was told before, or under the same and further
-- on. Anything else changes nothing. RETURNS the reservation as it is now, and the line where units moved; null where
-- there is no such offer. Refuses SOLD_OUT, NIGHT_NOT_ON_SALE, IDEMPOTENCY_KEY_REUSED.
-- LOCKS line, stock, reservation.
create or replace function tell_reservation(p_service text, p jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  r reservation%rowtype;
  t reservation%rowtype;
  v_line jsonb;
  v_had boolean;
  v_has boolean := p->>'state' <> 'released';
begin
  select * into l from booking_line where offer_id = p->>'offerId' for no key update;
  if not found then return null; end if;
  select * into r from reservation where service = p_service and booking_id = p->>'bookingId' for no key update;
  v_had := found and r.state <> 'released';
  t := row(p_service, p->>'bookingId', (p->>'fence')::bigint, p->>'state', p->>'offerId', (p->>'quantity')::integer,
    (p->>'firstNight')::date, (p->>'lastNight')::date, clock_timestamp());
  if r.service is not null
    and row(r.offer_id, r.quantity, r.first_night, r.last_night)
      is distinct from row(t.offer_id, t.quantity, t.first_night, t.last_night) then
    perform refuse('IDEMPOTENCY_KEY_REUSED');
  end if;
  if r.service is null or row(t.fence, reservation_rank(t.state)) > row(r.fence, reservation_rank(r.state)) then
    if v_has and not v_had then v_line := move_reserved(t, 1, p_actor); end if;
    if v_had and not v_has then v_line := move_reserved(t, -1, p_actor); end if;
    insert into reservation select t.*
    on conflict (service, booking_id) do update
      set fence = excluded.fence, state = excluded.state, changed_at = excluded.changed_at;
    perform write_audit(t.changed_at, t.offer_id, null, 'reservation.' || t.state, null, null, null, null, t.quantity,
      p_actor, jsonb_build_object('service', p_service, 'bookingId', t.booking_id, 'fence', t.fence));
    r := t;
  end if;
  return jsonb_build_object('line', v_line, 'reservation', jsonb_build_object('bookingId', r.booking_id,
    'fence', r.fence, 'state', r.state, 'offerId', r.offer_id, 'quantity', r.quantity));
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

/** Null where there is no such offer. @throws AppError SOLD_OUT, NIGHT_NOT_ON_SALE, IDEMPOTENCY_KEY_REUSED */
export function tellReservation(
  db: Database,
  service: string,
  told: ToldReservation,
  actor: Actor,
): Promise<ReservationKept | null> {
  return callJson<ReservationKept | null>(db, 'tell_reservation', [service, told, actor]);
}
