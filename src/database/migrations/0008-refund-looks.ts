/**
 * A bank may send a refund back that had been reported as given. It is looked at for a month, and opened again where it
 * no longer stands.
 */
export const sql = /* sql */ `
alter table refund
  -- the next look at one that succeeded; null: none
  add column look_at timestamptz,
  -- how often it had succeeded and failed after all
  add column reopened integer not null default 0;
create index refund_look on refund (look_at) where look_at is not null;
-- spread over a day
update refund set look_at = clock_timestamp() + random() * interval '1 day'
where state = 'succeeded' and finished_at > clock_timestamp() - interval '30 days';
`;
