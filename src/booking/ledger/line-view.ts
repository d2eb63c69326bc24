import type { Database } from '../../database/database.js';
import type { LineRead, LineState } from './types.js';
import { callJson } from './call.js';

/** Reads of a line for the board: one statement each, so that everything in an answer is of one moment. */
export const sql = /* sql */ `
create or replace function line_state_json(l booking_line) returns jsonb
language sql stable as $$
  select jsonb_build_object('offerId', l.offer_id, 'version', l.version, 'lastSeq', l.last_seq, 'front', l.front,
    'waiting', l.waiting, 'holdSeconds', o.hold_seconds, 'grantsPerMinute', line_rate(l, clock_timestamp()),
    'stock', s.counts, 'nights', s.nights,
    'soldOut', case when l.sold_out_through > 0 then
      jsonb_build_object('throughSeq', l.sold_out_through, 'minQuantity', l.sold_out_min_quantity) end,
    'now', iso(clock_timestamp()))
  from offer o
  cross join lateral (
    -- of a room offer by night, as [day since 1970, capacity, available, held, sold], from today on; and in sum
    select jsonb_build_object('capacity', coalesce(sum(capacity), 0), 'available', coalesce(sum(available), 0),
        'held', coalesce(sum(held), 0), 'sold', coalesce(sum(sold), 0)) as counts,
      case when o.kind = 'room' then coalesce(jsonb_agg(
        jsonb_build_array(day - date '1970-01-01', capacity, available, held, sold) order by day), '[]') end as nights
    from stock
    where offer_id = o.id and (o.kind = 'ticket' or day >= (clock_timestamp() at time zone o.time_zone)::date)
  ) s
  where o.id = l.offer_id
$$;

-- With p_version: what changed since; the whole where that is no longer known. RETURNS null without such a line.
-- Who came since is told for stays alone, after p_last_seq: as [seq, first, last day since 1970].
create or replace function read_line(p_offer text, p_version bigint, p_last_seq bigint) returns jsonb
language plpgsql stable as $$
declare
  l booking_line%rowtype;
  v_oldest bigint;
  v_departed jsonb;
  v_waiting jsonb;
  v_stays jsonb;
begin
  select * into l from booking_line where offer_id = p_offer;
  if not found then return null; end if;
  select min(version) into v_oldest from line_departure where offer_id = p_offer;
  if p_version is not null and (v_oldest is null or p_version >= v_oldest - 1) then
    select coalesce(jsonb_agg(jsonb_build_array(d.ranges[i], d.ranges[i + 1]) order by d.version, i), '[]') into v_departed
    from line_departure d cross join lateral generate_series(1, cardinality(d.ranges), 2) i
    where d.offer_id = p_offer and d.version > p_version and d.version <= l.version;
  else
    -- Who has no neighbour before them begins a run, who has none behind them ends it: one pass in one order.
    select coalesce(jsonb_agg(jsonb_build_array(low, high) order by low), '[]') into v_waiting
    from (
      select seq as low, before,
        case when behind is distinct from seq + 1 then seq else lead(seq) over (order by seq) end as high
      from (
        select seq, lag(seq) over in_order as before, lead(seq) over in_order as behind
        from booking
        where offer_id = p_offer and state = 'waiting' and seq >= l.front
          and not (seq <= l.sold_out_through and quantity >= l.sold_out_min_quantity)
        window in_order as (order by seq)
      ) neighbours
      where before is distinct from seq - 1 or behind is distinct from seq + 1
    ) bounds
    where before is distinct from low - 1;
  end if;
  if exists (select from offer where id = p_offer and kind = 'room') then
    select coalesce(jsonb_agg(jsonb_build_array(seq, first_day - date '1970-01-01', last_day - date '1970-01-01')
      order by seq), '[]') into v_stays
    from booking
    where offer_id = p_offer and state = 'waiting'
      and seq > case when v_departed is null then l.front - 1 else greatest(p_last_seq, l.front - 1) end;
  end if;
  return jsonb_build_object('state', line_state_json(l), 'departed', v_departed, 'waiting', v_waiting, 'stays', v_stays);
end $$;

-- Departures that no view needs any more: one that slept longer reads the whole. The newest of each line stays, as
-- the mark of how far back differences reach.
create or replace function prune_departures(p_age interval) returns jsonb
language sql volatile as $$
  with gone as (
    delete from line_departure d
    where d.at < clock_timestamp() - p_age
      and d.version < (select max(version) from line_departure n where n.offer_id = d.offer_id)
    returning 1
  )
  select to_jsonb(count(*)) from gone
$$;

create or replace function list_lines(p_limit integer) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(line_state_json(l) order by l.waiting desc, l.offer_id), '[]') from (
    select * from booking_line order by waiting desc, offer_id limit p_limit
  ) busiest join booking_line l using (offer_id)
$$;
`;

/** What a reader of a line has seen. */
export interface KnownLine {
  readonly version: number;
  readonly lastSeq: number;
}

/** Null where there is no such offer. */
export function readLine(db: Database, offerId: string, known: KnownLine | null): Promise<LineRead | null> {
  return callJson<LineRead | null>(db, 'read_line', [
    offerId,
    known?.version ?? null,
    known?.lastSeq ?? null,
  ]);
}

/** The busiest lines first. */
export function lines(db: Database, limit: number): Promise<LineState[]> {
  return callJson<LineState[]>(db, 'list_lines', [limit]);
}

export function pruneDepartures(db: Database, ageMs: number): Promise<number> {
  return callJson<number>(db, 'prune_departures', [`${ageMs} milliseconds`]);
}
