import type { Database } from '../../database/database.js';
import type { AuditEvent } from './types.js';
import { callJson } from './call.js';

/** Reading the audit log, page by page. */
export const sql = /* sql */ `
create or replace function audit_json(e audit_event) returns jsonb
language sql stable as $$
  select jsonb_build_object('id', e.id::text, 'at', iso(e.at), 'offerId', e.offer_id,
    'bookingId', e.booking_id, 'action', e.action, 'fromState', e.from_state, 'toState', e.to_state,
    'version', e.version, 'ordinal', e.ordinal, 'actorKind', e.actor_kind, 'actorId', e.actor_id,
    'address', e.address, 'correlationId', e.correlation_id, 'detail', e.detail)
$$;

-- The smallest number from which on events are as late as p_at, or a little earlier: numbers are given when a row is
-- written, its time is that of the transaction's lock. Found by halving, since no index has the time.
create or replace function audit_number_at(p_at timestamptz) returns bigint
language plpgsql stable as $$
declare
  v_low bigint := 0;
  v_high bigint;
  v_middle bigint;
  v_at timestamptz;
  -- longer than any transaction of ours lives
  v_from timestamptz := p_at - interval '30 seconds';
begin
  select coalesce(max(id), 0) + 1 into v_high from audit_event;
  while v_low < v_high loop
    v_middle := (v_low + v_high) / 2;
    select at into v_at from audit_event where id >= v_middle order by id limit 1;
    if v_at < v_from then v_low := v_middle + 1; else v_high := v_middle; end if;
  end loop;
  return v_low;
end $$;

-- Newest first: those before p_before and not before p_since. A booking's events have an index; those of an offer, or of
-- everybody, are looked for among p_window events a call.
-- RETURNS {events, next}: what to give as p_before for what follows; null where nothing does.
create or replace function page_audit(
  p_offer text, p_booking uuid, p_before bigint, p_since timestamptz, p_until timestamptz, p_limit integer, p_window integer
) returns jsonb
language plpgsql stable as $$
declare
  v_before bigint;
  v_first bigint := 0;
  v_from bigint := 0;
  v_events jsonb;
  v_last bigint;
begin
  select least(coalesce(max(id), 0) + 1, p_before) into v_before from audit_event;
  if p_until is not null then v_before := least(v_before, audit_number_at(p_until + interval '60 seconds')); end if;
  if p_since is not null then v_first := audit_number_at(p_since); end if;
  if p_booking is not null then
    select jsonb_agg(audit_json(e) order by (e).id desc), min((e).id) into v_events, v_last from (
      select a as e from audit_event a
      where booking_id = p_booking and id + 0 < v_before and id + 0 >= v_first and (p_offer is null or offer_id = p_offer)
        and (p_since is null or at >= p_since) and (p_until is null or at < p_until)
      order by id + 0 desc limit p_limit) page;
  else
    v_from := greatest(v_first, v_before - p_window);
    select jsonb_agg(audit_json(e) order by (e).id desc), min((e).id) into v_events, v_last from (
      select a as e from audit_event a
      where id < v_before and id >= v_from and (p_offer is null or offer_id = p_offer)
        and (p_since is null or at >= p_since) and (p_until is null or at < p_until)
      order by id desc limit p_limit) page;
  end if;
  return jsonb_build_object('events', coalesce(v_events, '[]'), 'next', (case
    when jsonb_array_length(v_events) = p_limit then v_last
    when v_from > greatest(v_first, 1) then v_from
  end)::text);
end $$;
`;

export interface AuditFilter {
  readonly offerId: string | null;
  readonly bookingId: string | null;
  /** `next` of the page before. */
  readonly before: string | null;
  /** ISO 8601, that moment included. */
  readonly since: string | null;
  /** ISO 8601, that moment excluded. */
  readonly until: string | null;
  readonly limit: number;
}

export interface AuditPage {
  readonly events: readonly AuditEvent[];
  /** Null on the last page. A page may have few events, or none, and be followed by others. */
  readonly next: string | null;
}

/** So many events are looked at for a page, whatever becomes of them: half a million take a fraction of a second. */
const EVENTS_PER_PAGE = 500_000;

/** Newest first. */
export function auditPage(db: Database, filter: AuditFilter, window = EVENTS_PER_PAGE): Promise<AuditPage> {
  const { offerId, bookingId, before, since, until, limit } = filter;
  return callJson<AuditPage>(db, 'page_audit', [offerId, bookingId, before, since, until, limit, window]);
}
