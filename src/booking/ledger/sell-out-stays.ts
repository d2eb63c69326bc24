/**
 * Sell-out of a room offer: stay by stay, since each needs other nights. A waiting stay is sold out where a night that
 * it needs has fewer units left than it wants, counting those that are final, or where it would have begun.
 *
 * A verb that makes units final only marks the nights; the rows follow in chunks, each a transaction of its own.
 * A stay whose turn has not come is still waiting: capacity that is added meanwhile saves it.
 */
export const sql = /* sql */ `
-- Marks the line as one that has stays to be sold out. Expects the line's lock. RETURNS whether it has any such work.
create or replace function note_tight_nights(l booking_line) returns boolean
language sql volatile as $$
  update booking_line set sold_out_done = false
  where offer_id = l.offer_id and waiting > 0
    and exists (select from stock s where s.offer_id = l.offer_id and s.tightened)
  returning true
$$;

-- At most p_limit stays. Expects the line's lock. RETURNS {written, done, bookings, line}.
create or replace function sell_out_stays(l booking_line, p_now timestamptz, p_limit integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_seqs bigint[] := '{}';
  v_bookings jsonb;
  v_done boolean;
  n record;
begin
  -- Night by night, so that whoever needs several of them is found once and a night that is done is not looked at again.
  for n in
    select day, capacity - sold - paid as units from stock where offer_id = l.offer_id and tightened order by day
  loop
    with found as (
      select w.id from booking w
      where stay_line(w.state, w.check_in, w.offer_id) = l.offer_id
        and w.first_day between n.day - l.max_nights + 1 and n.day and w.last_day >= n.day and w.quantity > n.units
      limit p_limit - cardinality(v_seqs)
    ),
    moved as (
      update booking b set state = 'sold_out', version = l.version + 1 from found where b.id = found.id returning b.seq
    )
    select v_seqs || coalesce(array_agg(seq order by seq), '{}') into v_seqs from moved;
    exit when cardinality(v_seqs) = p_limit;
    update stock set tightened = false where offer_id = l.offer_id and day = n.day;
  end loop;
  with found as (
    -- so written that of all indexes the one in the order of time fits
    select w.id from booking w
    where w.offer_id || '' = l.offer_id and w.state = 'waiting' and w.check_in <= p_now
    order by w.check_in limit p_limit - cardinality(v_seqs)
  ),
  moved as (
    update booking b set state = 'sold_out', version = l.version + 1 from found where b.id = found.id returning b.seq
  )
  select v_seqs || coalesce(array_agg(seq order by seq), '{}') into v_seqs from moved;

  v_done := cardinality(v_seqs) < p_limit;
  if cardinality(v_seqs) > 0 then
    l.version := l.version + 1;
    perform stays_left(l.offer_id, v_seqs);
    with moved as materialized (
      select b.*, b as whole from booking b where b.offer_id = l.offer_id and b.seq = any (v_seqs)
    ),
    mails as (
      insert into mail (booking_id, kind, fence, next_at)
      select id, 'sold_out', fence, p_now from moved where email is not null
    ),
    audited as (
      insert into audit_event (at, offer_id, booking_id, action, from_state, to_state, version, ordinal, quantity,
        actor_kind, actor_id, correlation_id, salt)
      select p_now, offer_id, id, 'sell_out', 'waiting', 'sold_out', version, row_number() over (order by seq), quantity,
        p_actor->>'kind', p_actor->>'id', correlation_id, null
      from moved
    )
    select jsonb_agg(booking_json(m.whole, l) order by m.seq) into v_bookings from moved m;
    perform note_departures(l.offer_id, l.version, v_seqs, p_now);
    l.waiting := l.waiting - cardinality(v_seqs);
    l.front := line_front(l);
  end if;
  update booking_line set version = l.version, waiting = l.waiting, front = l.front, sold_out_done = v_done
  where offer_id = l.offer_id;
  return jsonb_build_object('written', cardinality(v_seqs), 'done', v_done, 'bookings', coalesce(v_bookings, '[]'),
    'line', line_json(l));
end $$;
`;
