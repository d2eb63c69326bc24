/**
 * Seals belong to an epoch: a database that was restored on another server counts its transactions anew.
 * See `booking/ledger/audit.ts`.
 */
export const sql = /* sql */ `
alter table audit_seal
  -- of the epoch's events; the epoch ends where the next begins
  add column first_id bigint not null default 0;
alter table audit_seal alter column first_id drop default;

alter table audit_chain
  add column first_id bigint not null default 0,
  -- the highest that was sealed in this epoch, or one near it
  add column last_id bigint not null default 0,
  -- the transaction that wrote this row: another one did where it was restored from a dump
  add column sealed_by bigint not null default (pg_current_xact_id()::text::bigint);
alter table audit_chain alter column first_id drop default, alter column last_id drop default;
-- what was added above is of a transaction of its own; this row is written by the one that it names
update audit_chain set sealed_by = pg_current_xact_id()::text::bigint,
  last_id = coalesce((select max(id) from audit_event where xid < bound), 0);
`;
