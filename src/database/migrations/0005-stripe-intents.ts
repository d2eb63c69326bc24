/**
 * Which intent at Stripe stands for which attempt. A row is committed before its intent is confirmed, so that an
 * attempt without a row has moved no money, however long ago it began and whatever Stripe remembers of its key.
 */
export const sql = /* sql */ `
create table stripe_intent (
  -- the attempt's provider key
  key        text collate "C" primary key,
  -- null: Stripe was never asked to make one, or refused to
  intent_id  text collate "C",
  -- no money moves under this key any more
  closed     boolean not null default false,
  -- why, as the customer is told; null for one that was voided
  refusal    text,
  created_at timestamptz not null default clock_timestamp(),
  check (intent_id is not null or closed),
  check (closed or refusal is null)
);
`;
