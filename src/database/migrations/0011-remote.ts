/**
 * What other services have yet to be told. Nothing is written here while none is configured: tellings are made from the
 * audit log, seal by seal, not by the verbs.
 */
export const sql = /* sql */ `
-- every seal of the audit log up to this one has been turned into tellings; no row: the service was never configured
create table remote_cursor (
  service text primary key check (service in ('ticket', 'booking')),
  seal    bigint not null
);

-- deleted once it has been told
create table remote_telling (
  service    text not null references remote_cursor,
  booking_id uuid not null references booking,
  kind       text not null check (kind in ('reserve', 'confirm', 'release')),
  -- of the line: a booking's are told in this order
  version    bigint not null,
  -- refused: set aside until an operator makes it due again
  state      text not null default 'due' check (state in ('due', 'refused')),
  tries      integer not null default 0,
  -- of the tries those that were answered with a refusal
  refusals   integer not null default 0,
  next_at    timestamptz not null,
  created_at timestamptz not null,
  -- when it was first handed out, and from then on perhaps sent; null: it was not, or nothing was called
  sent_at    timestamptz,
  reason     text,
  primary key (service, booking_id, kind)
);
create index remote_telling_due on remote_telling (service, next_at) where state = 'due';

-- offers that the remote ticket service has been asked about, for this opening
create table remote_question (
  offer_id  text collate "C" primary key references offer,
  opens_at  timestamptz not null,
  tries     integer not null default 0,
  -- null: answered, or given up
  next_at   timestamptz
);
`;
