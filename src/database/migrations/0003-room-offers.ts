/**
 * Room offers: stock by night, and stays that compete only where they share one. A room offer never begins
 * (`starts_at` is infinity): each of its stays does, at `booking.check_in`.
 */
export const sql = /* sql */ `
alter table offer
  -- local times of the hotel's time zone; null for tickets
  add column check_in_time  time,
  add column check_out_time time,
  add column min_nights integer check (min_nights > 0),
  add column max_nights integer,
  add check ((kind = 'room') = (check_in_time is not null and check_out_time is not null and min_nights is not null
    and max_nights is not null and starts_at = 'infinity'));

alter table booking_line
  -- of the longest stay that was ever accepted: bounds the search for who shares a night
  add column max_nights integer not null default 1,
  -- every waiting stay with a smaller seq was looked at since one of its nights was released last
  add column admit_from bigint not null default 1;

alter table stock
  -- waiting stays whose first, or whose last, night this is: how many share a night with one is a sum of these
  add column arriving integer not null default 0 check (arriving >= 0),
  add column leaving  integer not null default 0 check (leaving >= 0),
  -- units came back since the last admission looked
  add column released boolean not null default false,
  -- units became final since the last sell-out looked
  add column tightened boolean not null default false;

alter table booking
  -- when the stay begins; null for tickets
  add column check_in timestamptz;

-- The room offer in whose line a stay waits; null of everything else. No other index fits a search by it, so that the
-- plan is the same on empty tables and on full ones.
create function stay_line(state booking_state, check_in timestamptz, offer_id text) returns text
language sql immutable parallel safe as $$
  select case when state = 'waiting' and check_in is not null then offer_id end
$$;
create index booking_stay on booking (stay_line(state, check_in, offer_id), first_day, last_day, quantity, seq)
  where stay_line(state, check_in, offer_id) is not null;
create index booking_check_in on booking (check_in) where state = 'waiting' and check_in is not null;
`;
