import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { Moved } from './types.js';
import { callJson, ownKey } from './call.js';

/** Leaving before payment: by the customer, by the deadline, or because the booking proves invalid. */
export const sql = /* sql */ `
-- waiting or held → cancelled; from paying only where its attempt was voided before (p_fence names it).
-- RETURNS the booking; null where there is no such booking. Refuses with a code.
-- LOCKS line, stock, booking.
create or replace function cancel_booking(
  p_id uuid, p_reason text, p_fence integer, p_key jsonb, p_actor jsonb
) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  b booking%rowtype;
  v_now timestamptz;
  v_from booking_state;
  v_known jsonb;
begin
  select booking_line.* into l from booking_line where offer_id = (select offer_id from booking where id = p_id) for no key update;
  if not found then return null; end if;
  perform lock_stock(p_id);
  select * into b from booking where id = p_id for no key update;
  v_now := clock_timestamp();
  v_from := b.state;
  v_known := claim_key(p_key, v_now);
  if v_known is not null then return v_known; end if;
  if is_covered(b, l) then perform refuse('ALREADY_SETTLED'); end if;
  if b.state not in ('waiting', 'held', 'paying') then perform refuse('ALREADY_SETTLED'); end if;
  if (b.state = 'paying' or p_fence is not null) and p_fence is distinct from b.fence then
    perform refuse('PAYMENT_IN_PROGRESS');
  end if;

  if v_from = 'paying' then
    update payment_attempt set state = 'voided', reason = p_reason, finished_at = v_now
    where booking_id = p_id and fence = p_fence and state = 'started';
    if not found then perform refuse('PAYMENT_IN_PROGRESS'); end if;
  end if;
  update booking set state = 'cancelled', version = l.version + 1, reason = p_reason, deadline = null, redrive_at = null,
    payment_method = null
  where id = p_id returning * into b;
  l.version := l.version + 1;
  if v_from = 'waiting' then
    l.waiting := l.waiting - 1;
    perform note_departures(b.offer_id, l.version, array[b.seq], v_now);
    if b.check_in is not null then perform stays_left(b.offer_id, array[b.seq]); end if;
    if b.seq = l.front then l.front := line_front(l); end if;
  else
    perform give_back(b.offer_id, b.first_day, b.last_day, b.quantity);
    l.wanted := l.wanted + 1;
  end if;
  update booking_line set version = l.version, waiting = l.waiting, front = l.front, wanted = l.wanted where offer_id = l.offer_id;
  perform write_audit(v_now, b.offer_id, b.id, 'cancel', v_from, 'cancelled', l.version, 1, b.quantity, p_actor,
    jsonb_build_object('reason', p_reason));
  return store_response(p_key, jsonb_build_object('bookings', jsonb_build_array(booking_json(b, l)), 'line', line_json(l)));
end $$;

-- held → expired, for at most p_limit holds of an offer whose time is over.
-- RETURNS null where there is no such line. LOCKS line, stock, bookings.
create or replace function expire_holds(p_offer text, p_limit integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  v_now timestamptz;
  v_bookings jsonb;
begin
  select * into l from booking_line where offer_id = p_offer for no key update;
  if not found then return null; end if;
  v_now := clock_timestamp();
  l.version := l.version + 1;
  with over as (
    select id from booking where offer_id = p_offer and state = 'held' and deadline <= v_now
    order by deadline limit p_limit
  ),
  moved as (
    update booking b set state = 'expired', version = l.version, reason = coalesce(b.reason, 'NOT_PAID_IN_TIME'), deadline = null
    from over where b.id = over.id
    returning b.*, b as whole
  ),
  -- summed up once, not for each night
  night as materialized (
    select st.day, sum(m.quantity)::integer as units
    from moved m join stock st on st.offer_id = p_offer and st.day between m.first_day and m.last_day
    group by st.day
  ),
  freed as (
    update stock s set available = s.available + f.units, held = s.held - f.units, released = true
    from night f where s.offer_id = p_offer and s.day = f.day
  ),
  mails as (
    insert into mail (booking_id, kind, fence, next_at)
    select id, 'expired', fence, v_now from moved where email is not null
  ),
  audited as (
    insert into audit_event (at, offer_id, booking_id, action, from_state, to_state, version, ordinal, quantity,
      actor_kind, actor_id, correlation_id, salt)
    select v_now, p_offer, id, 'expire', 'held', 'expired', l.version, row_number() over (order by seq), quantity,
      p_actor->>'kind', p_actor->>'id', correlation_id, null
    from moved
  )
  select jsonb_agg(booking_json(m.whole, l) order by m.seq) into v_bookings from moved m;
  if v_bookings is not null then
    update booking_line set version = l.version, wanted = wanted + 1 where offer_id = p_offer;
  end if;
  select * into l from booking_line where offer_id = p_offer;
  return jsonb_build_object('bookings', coalesce(v_bookings, '[]'), 'line', line_json(l));
end $$;
`;

/**
 * waiting or held → cancelled. Null where there is no such booking.
 * @throws AppError PAYMENT_IN_PROGRESS, ALREADY_SETTLED
 */
export function cancel(
  db: Database,
  bookingId: string,
  actor: Actor,
  reason = 'BY_CUSTOMER',
): Promise<Moved | null> {
  return callJson<Moved | null>(db, 'cancel_booking', [bookingId, reason, null, ownKey('cancel'), actor]);
}

/**
 * paying → cancelled for a booking that proved invalid. The provider must have voided the attempt before.
 * @throws AppError PAYMENT_IN_PROGRESS where the attempt is not the current one or is definite
 */
export function reject(
  db: Database,
  bookingId: string,
  fence: number,
  reason: string,
  actor: Actor,
): Promise<Moved | null> {
  return callJson<Moved | null>(db, 'cancel_booking', [bookingId, reason, fence, ownKey('cancel'), actor]);
}

/** At most so many holds end in one transaction. */
export const HOLDS_PER_CALL = 500;

/** held → expired where the deadline has passed. Null where there is no such offer. */
export function expire(
  db: Database,
  offerId: string,
  actor: Actor,
  limit = HOLDS_PER_CALL,
): Promise<Moved | null> {
  return callJson<Moved | null>(db, 'expire_holds', [offerId, limit, actor]);
}
