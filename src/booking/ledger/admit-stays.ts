/**
 * Admission of a room offer, and what its stock knows of who waits.
 *
 * Who waited at the last look and did not fit can fit now only by a night that was released since. Such a stay covers
 * that night and lies within nights that all have units; so few kinds of stays (first and last night) come into
 * question that the first of each is looked up. Those that came since the last look are read in their order. A look
 * costs what has changed, not what waits.
 *
 * Expects the line's lock. Whoever changes stock holds that lock, so that no other is needed to read it.
 */
export const sql = /* sql */ `
-- The nights of an offer after p_after and until p_until, from the first to the last on sale, those between that never
-- were included: never so many that a single night in a far year costs anything.
create or replace function stock_by_night(p_offer text, p_after date, p_until date)
returns table (day date, available integer, arriving integer, leaving integer, released boolean)
language sql stable as $$
  select s.day + i, case when i = 0 then s.available else 0 end, case when i = 0 then s.arriving else 0 end,
    case when i = 0 then s.leaving else 0 end, i = 0 and s.released
  from (
    select *, lead(stock.day, 1, stock.day + 1) over (order by stock.day) - stock.day as step
    from stock where offer_id = p_offer and stock.day > p_after and stock.day <= p_until
  ) s
  cross join lateral generate_series(0, s.step - 1) as i
$$;

-- Stays that wait no longer are no longer counted by their nights. Night by night: a join would look at every night
-- for every edge.
create or replace function stays_left(p_offer text, p_seqs bigint[]) returns void
language plpgsql volatile as $$
declare
  edge record;
begin
  for edge in
    select e.day, sum(e.arriving)::integer as arriving, sum(1 - e.arriving)::integer as leaving
    from booking b cross join lateral (values (b.first_day, 1), (b.last_day, 0)) as e (day, arriving)
    where b.offer_id = p_offer and b.seq = any (p_seqs)
    group by e.day order by e.day
  loop
    update stock set arriving = arriving - edge.arriving, leaving = leaving - edge.leaving
    where offer_id = p_offer and day = edge.day;
  end loop;
end $$;

-- The kinds of stays, as first night, last night and the fewest units in between, that cover a released night and that
-- there are units for. p_free, p_arriving and p_leaving count by night; p_released are numbers of nights, ascending.
-- Null where they are more than p_most.
create or replace function stay_kinds(
  p_free integer[], p_arriving integer[], p_leaving integer[], p_released integer[], p_longest integer, p_most integer
) returns integer[]
language plpgsql immutable as $$
declare
  v_kinds integer[] := '{}';
  v_number integer := 0;
  v_previous integer := 0;
  v_released integer;
  v_left integer;
  v_both integer;
begin
  foreach v_released in array p_released loop
    v_left := p_free[v_released];
    -- A stay that covers several released nights is found at the first of them.
    for v_first in reverse v_released .. greatest(v_previous + 1, v_released - p_longest + 1) loop
      v_left := least(v_left, p_free[v_first]);
      exit when v_left = 0;
      continue when p_arriving[v_first] = 0;
      v_both := v_left;
      for v_last in v_released .. least(cardinality(p_free), v_first + p_longest - 1) loop
        v_both := least(v_both, p_free[v_last]);
        exit when v_both = 0;
        continue when p_leaving[v_last] = 0;
        if v_number = p_most then return null; end if;
        v_number := v_number + 1;
        v_kinds := v_kinds || array[v_first, v_last, v_both];
      end loop;
    end loop;
    v_previous := v_released;
  end loop;
  return v_kinds;
end $$;

create or replace function admit_stays(l booking_line, o offer, p_limit integer, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_now timestamptz := clock_timestamp();
  -- The night before the first that counts; night n is v_base + n.
  v_base date;
  -- Behind the last night that anybody can have asked for, also where the clock was set back since.
  v_until date := (v_now at time zone o.time_zone)::date + 366 + l.max_nights + 7;
  v_waiting constant booking_state := 'waiting';
  v_free integer[];
  v_taken integer[];
  v_arriving integer[];
  v_leaving integer[];
  v_released integer[];
  v_kinds integer[];
  v_from bigint := l.admit_from;
  v_seqs bigint[] := '{}';
  v_more boolean := false;
  v_bookings jsonb;
  v_left integer;
  c record;
begin
  if not o.paused then
    -- Whoever would have come before yesterday would have begun.
    select min(day) - 1 into v_base from stock
    where offer_id = l.offer_id and day > (v_now at time zone o.time_zone)::date - 2;
    select array_agg(available order by day), array_agg(0), array_agg(arriving order by day), array_agg(leaving order by day),
      coalesce(array_agg(day - v_base order by day) filter (where released and available > 0), '{}')
    into v_free, v_taken, v_arriving, v_leaving, v_released
    from stock_by_night(l.offer_id, v_base, v_until);

    v_kinds := stay_kinds(v_free, v_arriving, v_leaving, v_released, l.max_nights, 1000);
    if v_kinds is null then v_from := l.front; end if;

    for c in
      select b.seq, b.quantity, b.first_day - v_base as first, b.last_day - v_base as last
      from generate_series(1, coalesce(cardinality(v_kinds), 0), 3) as k
      cross join generate_series(1, least(v_kinds[k + 2], l.max_quantity)) as q (quantity)
      cross join lateral (
        select w.seq, w.quantity, w.first_day, w.last_day from booking w
        where stay_line(w.state, w.check_in, w.offer_id) = l.offer_id
          and w.first_day = v_base + v_kinds[k] and w.last_day = v_base + v_kinds[k + 1] and w.quantity = q.quantity
          and w.seq < v_from and w.check_in > v_now
        order by w.seq limit least(p_limit + 1, v_kinds[k + 2] / q.quantity)
      ) b
      union all
      select b.seq, b.quantity, b.first_day - v_base, b.last_day - v_base
      from booking b
      -- the state as a variable: no index of those who wait fits then, but the one in the order of seq
      where b.offer_id = l.offer_id and b.seq >= v_from and b.state = v_waiting and b.check_in > v_now
      order by 1
    loop
      v_left := c.quantity;
      for n in c.first .. c.last loop
        v_left := least(v_left, coalesce(v_free[n], 0));
        exit when v_left < c.quantity;
      end loop;
      continue when v_left < c.quantity;
      if cardinality(v_seqs) = p_limit then v_more := true; exit; end if;
      for n in c.first .. c.last loop
        v_free[n] := v_free[n] - c.quantity;
        v_taken[n] := v_taken[n] + c.quantity;
      end loop;
      v_arriving[c.first] := v_arriving[c.first] - 1;
      v_leaving[c.last] := v_leaving[c.last] - 1;
      v_seqs := v_seqs || c.seq;
    end loop;

    -- One that is passed over here does not fit until a night of its own is released.
    l.admit_from := case when v_more then greatest(l.admit_from, v_seqs[p_limit] + 1) else l.last_seq + 1 end;
    update stock s set available = s.available - v_taken[s.day - v_base], held = s.held + v_taken[s.day - v_base],
      arriving = v_arriving[s.day - v_base], leaving = v_leaving[s.day - v_base], released = s.released and v_more
    where s.offer_id = l.offer_id and s.day > v_base and s.day <= v_until
      and (v_taken[s.day - v_base] > 0 or s.released and not v_more);

    if cardinality(v_seqs) > 0 then
      l.version := l.version + 1;
      v_bookings := grant_places(l, o, v_seqs, v_now, p_actor);
      l.waiting := l.waiting - cardinality(v_seqs);
      l.front := line_front(l);
      l.grants_per_minute := grant_rate(l, cardinality(v_seqs), v_now);
      l.granted_at := v_now;
    end if;
    if not v_more then l.admitted := l.wanted; end if;
    update booking_line set version = l.version, waiting = l.waiting, front = l.front, admitted = l.admitted,
      admit_from = l.admit_from, grants_per_minute = l.grants_per_minute, granted_at = l.granted_at
    where offer_id = l.offer_id;
  end if;

  return jsonb_build_object('bookings', coalesce(v_bookings, '[]'), 'line', line_json(l), 'more', v_more);
end $$;
`;
