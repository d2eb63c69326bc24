/** The ledger's tables. Routines are not here: `booking/ledger` has one file per verb, applied after migrations. */
export const sql = /* sql */ `
create type booking_state as enum
  ('waiting', 'held', 'paying', 'paid', 'confirmed', 'expired', 'cancelled', 'sold_out', 'refunded');

create table setting (
  name  text primary key,
  value text not null
);

create table offer (
  id                 text collate "C" primary key,
  kind               text not null check (kind in ('ticket', 'room')),
  -- an event or a hotel
  group_id           text collate "C" not null,
  -- a ticket type or a room type
  unit_type          text collate "C" not null,
  title              text not null,
  venue              text not null,
  time_zone          text not null,
  starts_at          timestamptz not null,
  price_minor        bigint not null check (price_minor > 0),
  currency           text not null check (currency ~ '^[A-Z]{3}$'),
  opens_at           timestamptz,
  closes_at          timestamptz,
  paused             boolean not null default false,
  hold_seconds       integer not null check (hold_seconds > 0),
  limit_per_customer integer not null check (limit_per_customer > 0),
  max_quantity       integer not null check (max_quantity > 0),
  created_at         timestamptz not null default now(),
  unique (kind, group_id, unit_type)
);

create table booking_line (
  offer_id              text collate "C" primary key references offer,
  last_seq              bigint not null default 0,
  version               bigint not null default 1,
  -- no booking with a smaller seq is waiting
  front                 bigint not null default 1,
  waiting               integer not null default 0 check (waiting >= 0),
  -- the largest quantity that was ever accepted: bounds the search for what fits
  max_quantity          integer not null default 1,
  -- whoever makes a grant possible raises wanted; a grant that left nothing to do copies it to admitted
  wanted                bigint not null default 0,
  admitted              bigint not null default 0,
  -- every waiting booking with seq <= sold_out_through and quantity >= sold_out_min_quantity is sold out,
  -- also while its own row does not say so yet (sold_out_done = false)
  sold_out_through      bigint not null default 0,
  sold_out_min_quantity integer not null default 1,
  sold_out_version      bigint not null default 0,
  sold_out_done         boolean not null default true,
  grants_per_minute     double precision not null default 0,
  granted_at            timestamptz
) with (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

create table stock (
  offer_id  text collate "C" not null references offer,
  day       date not null,
  capacity  integer not null check (capacity >= 0),
  available integer not null check (available >= 0),
  held      integer not null check (held >= 0),
  -- those of the held units that are paid for: they never come back but by a refund
  paid      integer not null check (paid >= 0 and paid <= held),
  sold      integer not null check (sold >= 0),
  primary key (offer_id, day),
  check (capacity = available + held + sold)
) with (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

create table booking (
  id                uuid primary key,
  seq               bigint not null,
  version           bigint not null,
  accepted_version  bigint not null,
  price_minor       bigint not null,
  accepted_at       timestamptz not null,
  deadline          timestamptz,
  redrive_at        timestamptz,
  state             booking_state not null,
  quantity          integer not null check (quantity > 0),
  fence             integer not null default 0,
  accepted_position integer not null,
  accepted_wait     integer not null,
  first_day         date not null,
  last_day          date not null,
  progress          smallint not null default 0 check (progress between 0 and 100),
  redrives          smallint not null default 0,
  -- no foreign key: checked row by row it would cost a third of an acceptance. The verb that inserts has joined the
  -- offer under its line's lock, and offers are never deleted.
  offer_id          text collate "C" not null,
  customer_id       text collate "C" not null,
  currency          text not null,
  correlation_id    text not null,
  email             text,
  payment_method    text,
  reason            text,
  check (first_day <= last_day)
) with (fillfactor = 80);
create unique index booking_place on booking (offer_id, seq);
create index booking_waiting on booking (offer_id, quantity, seq) where state = 'waiting';
create index booking_customer on booking (customer_id, offer_id);
create index booking_deadline on booking (deadline) where state = 'held';
create index booking_redrive on booking (redrive_at) where state in ('paying', 'paid');

create table idempotency_key (
  customer_id text collate "C" not null,
  route       text collate "C" not null,
  key         text collate "C" not null,
  body_hash   text collate "C" not null,
  -- of an acceptance
  booking_id  uuid,
  -- of any other request
  response    jsonb,
  created_at  timestamptz not null,
  primary key (customer_id, route, key)
);
create index idempotency_key_age on idempotency_key using brin (created_at);

-- who left the line at which version, as pairs of first and last seq: lets views catch up cheaply
create table line_departure (
  offer_id text collate "C" not null,
  version  bigint not null,
  ranges   bigint[] not null,
  at       timestamptz not null,
  primary key (offer_id, version)
);

create table payment_attempt (
  booking_id   uuid not null references booking,
  fence        integer not null,
  provider_key text not null unique,
  amount_minor bigint not null,
  currency     text not null,
  method       text not null,
  state        text not null check (state in ('started', 'captured', 'declined', 'voided')),
  reason       text,
  started_at   timestamptz not null,
  -- when the provider was last called; null: it never was
  sent_at      timestamptz,
  finished_at  timestamptz,
  primary key (booking_id, fence)
);
create index payment_attempt_open on payment_attempt (sent_at) where state = 'started';

create table refund (
  id           uuid primary key,
  booking_id   uuid not null references booking,
  -- of the charge
  provider_key text not null,
  refund_key   text not null unique,
  amount_minor bigint not null,
  currency     text not null,
  reason       text not null,
  state        text not null check (state in ('pending', 'succeeded')),
  tries        integer not null default 0,
  next_at      timestamptz not null,
  created_at   timestamptz not null,
  finished_at  timestamptz
);
create index refund_due on refund (next_at) where state = 'pending';
create index refund_charge on refund (provider_key);

create table booking_step (
  booking_id   uuid not null references booking,
  step         text not null check (step in ('validate', 'payment', 'pdf', 'email', 'inventory')),
  succeeded_at timestamptz not null,
  detail       jsonb,
  primary key (booking_id, step)
);

create table ticket (
  id          uuid primary key,
  booking_id  uuid not null references booking,
  number      integer not null,
  code        text collate "C" not null unique,
  state       text not null check (state in ('issued', 'redeemed', 'revoked')),
  issued_at   timestamptz not null,
  redeemed_at timestamptz,
  redeemed_by text,
  unique (booking_id, number)
);

create table booking_document (
  booking_id uuid primary key references booking,
  pdf        bytea not null
);
alter table booking_document alter column pdf set storage external;

-- mails at turns of events, written with the transition that they tell of
create table mail (
  booking_id uuid not null references booking,
  kind       text not null check (kind in ('your_turn', 'expired', 'sold_out')),
  fence      integer not null,
  state      text not null default 'due' check (state in ('due', 'sent', 'refused')),
  tries      integer not null default 0,
  next_at    timestamptz not null,
  primary key (booking_id, kind, fence)
);
create index mail_due on mail (next_at) where state = 'due';

create table dead_letter (
  id          uuid primary key,
  booking_id  uuid not null references booking,
  job_id      text not null,
  job_type    text not null,
  fence       integer not null,
  reason      text not null,
  attempts    integer not null,
  state       text not null check (state in ('open', 'replayed', 'discarded')),
  created_at  timestamptz not null,
  resolved_at timestamptz,
  resolved_by text
);
create unique index dead_letter_open on dead_letter (booking_id) where state = 'open';
create index dead_letter_recent on dead_letter (created_at);

-- written in the transaction that a row describes, never updated
create table audit_event (
  id             bigint generated always as identity primary key,
  xid            bigint not null default (pg_current_xact_id()::text::bigint),
  version        bigint,
  ordinal        bigint,
  at             timestamptz not null,
  booking_id     uuid,
  -- units of the booking, or the change of capacity
  quantity       integer,
  from_state     booking_state,
  to_state       booking_state,
  action         text not null,
  actor_kind     text not null,
  offer_id       text collate "C",
  actor_id       text not null,
  address        text,
  -- stands in for an address that was erased, so that the chain stays valid
  address_digest text,
  correlation_id text,
  detail         jsonb
);
create index audit_event_booking on audit_event (booking_id);
create index audit_event_xid on audit_event (xid);

-- each seal covers the events with bound_from <= xid < bound_to
create table audit_seal (
  number     bigint primary key,
  bound_from bigint not null,
  bound_to   bigint not null,
  events     integer not null,
  hash       bytea not null,
  sealed_at  timestamptz not null
);
create table audit_chain (
  one    boolean primary key default true check (one),
  number bigint not null,
  bound  bigint not null,
  hash   bytea not null
);
insert into audit_chain (number, bound, hash) values (0, 0, sha256('fairline'));
`;
