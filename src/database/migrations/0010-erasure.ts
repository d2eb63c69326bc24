/**
 * Erasure of personal data, and an audit chain that survives it: what a seal covers of a person is a digest under a
 * random salt, which goes with the data. See `booking/ledger/audit.ts` and `booking/ledger/erase.ts`.
 */
export const sql = /* sql */ `
-- Rows from before have none; so have later ones that name nobody. The default comes with the routines that know of it:
-- an older one would seal a row with a salt as if it had none.
alter table audit_event add column salt uuid;

alter table audit_seal
  -- of a seal from before, whose events got their salts when the first of them was erased: their digest since, and the
  -- event that says so
  add column recoded bytea,
  add column recode_event bigint;
-- which seal covers an event
create index audit_seal_bounds on audit_seal (first_id, bound_from);

alter table booking
  -- when who booked was forgotten
  add column erased_at timestamptz;
-- stays that are over come one by one; tickets of an event are all over at once and need no index
create index booking_over on booking (last_day) where check_in is not null and erased_at is null;

-- answers kept for a repetition hold a whole booking; those of acceptances, which are many, do not
create index idempotency_key_answer on idempotency_key (booking_id) where response is not null;

-- how far the line of an event that is over has been gone through
create table offer_erasure (
  offer_id   text collate "C" primary key references offer,
  through    bigint not null default 0,
  -- the first that could not be erased yet
  first_left bigint,
  -- infinity: nothing is left
  next_at    timestamptz not null
);

-- bookings that are over and whose erasure failed: others do not wait for them
create table erasure_put_off (
  booking_id uuid primary key,
  until      timestamptz not null
);

-- bookings that were erased here, and whose mails and payment methods are still to be erased elsewhere
create table erased_booking (
  booking_id uuid primary key,
  erased_at  timestamptz not null default clock_timestamp()
);
`;
