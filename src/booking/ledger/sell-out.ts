import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { Moved } from './types.js';
import { callJson } from './call.js';

/**
 * Sell-out of a whole line is one decision on the line's row, effective for everybody from its commit; the rows of
 * the bookings it covers follow in chunks and record the decision's version. The next decision waits until the rows
 * of the last are written: two decisions at different versions would not fit into one row.
 */
export const sql = /* sql */ `
-- Decides a sell-out where units that are final leave fewer than somebody waiting needs. Expects the line's lock.
create or replace function sell_out_line(p_offer text, p_now timestamptz, p_actor jsonb) returns boolean
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  v_left integer;
  v_count integer;
begin
  select * into l from booking_line where offer_id = p_offer;
  if (select kind from offer where id = p_offer) = 'room' then
    return coalesce(note_tight_nights(l), false);
  end if;
  if not l.sold_out_done then return false; end if;
  select case when o.starts_at <= p_now then 0 else s.capacity - s.sold - s.paid end into v_left
  from stock s join offer o on o.id = s.offer_id where s.offer_id = p_offer;
  if l.waiting = 0 or v_left >= l.max_quantity then return false; end if;

  if v_left = 0 then
    v_count := l.waiting;
  else
    select count(*) into v_count from booking
    where offer_id = p_offer and state = 'waiting' and quantity > v_left and quantity <= l.max_quantity;
  end if;
  if v_count = 0 then return false; end if;

  l.version := l.version + 1;
  if v_left = 0 then
    insert into line_departure (offer_id, version, ranges, at)
    values (p_offer, l.version, array[l.front, l.last_seq], p_now);
  else
    perform note_departures(p_offer, l.version, (
      select array_agg(seq) from booking
      where offer_id = p_offer and state = 'waiting' and quantity > v_left), p_now);
  end if;
  l.sold_out_through := l.last_seq;
  l.sold_out_min_quantity := v_left + 1;
  l.front := line_front(l);
  update booking_line set version = l.version, waiting = waiting - v_count, sold_out_through = l.sold_out_through,
    sold_out_min_quantity = l.sold_out_min_quantity, sold_out_version = l.version, sold_out_done = false, front = l.front
  where offer_id = p_offer;
  perform write_audit(p_now, p_offer, null, 'sell_out', null, null, l.version, 0, null, p_actor,
    jsonb_build_object('throughSeq', l.sold_out_through, 'minQuantity', l.sold_out_min_quantity, 'bookings', v_count));
  return true;
end $$;

-- Looks whether a line is to be sold out (an event that has begun has nothing left to give).
-- RETURNS null where there is no such line.
create or replace function check_sell_out(p_offer text, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
begin
  perform 1 from booking_line where offer_id = p_offer for no key update;
  if not found then return null; end if;
  perform sell_out_line(p_offer, clock_timestamp(), p_actor);
  select * into l from booking_line where offer_id = p_offer;
  return jsonb_build_object('bookings', '[]'::jsonb, 'line', line_json(l));
end $$;

-- Writes the rows of at most p_limit bookings that a decision covers.
-- RETURNS how many, and whether all are; the bookings themselves where no decision told of them before: of rooms.
create or replace function write_sell_out(p_offer text, p_limit integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  v_now timestamptz;
  v_written integer;
begin
  select * into l from booking_line where offer_id = p_offer for no key update;
  if not found then return jsonb_build_object('written', 0, 'done', true, 'bookings', '[]'::jsonb); end if;
  v_now := clock_timestamp();
  if (select kind from offer where id = p_offer) = 'room' then
    return sell_out_stays(l, v_now, p_limit, p_actor);
  end if;
  if l.sold_out_done then
    return jsonb_build_object('written', 0, 'done', true, 'bookings', '[]'::jsonb, 'line', line_json(l));
  end if;
  with chunk as materialized (
    select id from booking
    where offer_id = p_offer and state = 'waiting'
      and seq <= l.sold_out_through and quantity >= l.sold_out_min_quantity
    limit p_limit
  ),
  moved as (
    update booking b set state = 'sold_out', version = l.sold_out_version
    from chunk where b.id = chunk.id
    returning b.*
  ),
  mails as (
    insert into mail (booking_id, kind, fence, next_at)
    select id, 'sold_out', fence, v_now from moved where email is not null
  ),
  audited as (
    insert into audit_event (at, offer_id, booking_id, action, from_state, to_state, version, ordinal, quantity,
      actor_kind, actor_id, correlation_id, salt)
    select v_now, p_offer, id, 'sell_out', 'waiting', 'sold_out', l.sold_out_version, seq, quantity,
      p_actor->>'kind', p_actor->>'id', correlation_id, null
    from moved
  )
  select count(*) into v_written from moved;
  if v_written < p_limit then
    update booking_line set sold_out_done = true where offer_id = p_offer;
    perform sell_out_line(p_offer, v_now, p_actor);
  end if;
  select * into l from booking_line where offer_id = p_offer;
  return jsonb_build_object('written', v_written, 'done', l.sold_out_done, 'bookings', '[]'::jsonb, 'line', line_json(l));
end $$;
`;

const ROWS_PER_CALL = 2000;

/** Decides a sell-out where one is due. Null where there is no such offer. */
export function checkSellOut(db: Database, offerId: string, actor: Actor): Promise<Moved | null> {
  return callJson<Moved | null>(db, 'check_sell_out', [offerId, actor]);
}

/** What a call of `writeSellOut` did. */
export interface WrittenSellOut {
  readonly written: number;
  /** Nothing is left to write. */
  readonly done: boolean;
  /** Those that nobody was told of by a decision for the whole line: stays. */
  readonly bookings: Moved['bookings'];
  /** Absent where there is no such offer. */
  readonly line?: Moved['line'];
}

/** Writes the next rows that are sold out. */
export function writeSellOut(
  db: Database,
  offerId: string,
  actor: Actor,
  limit = ROWS_PER_CALL,
): Promise<WrittenSellOut> {
  return callJson(db, 'write_sell_out', [offerId, limit, actor]);
}
