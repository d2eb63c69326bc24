import type { Client } from 'pg';
import type { Database } from '../../database/database.js';
import type { AuditEvent, InvariantResult } from './types.js';
import { callJson } from './call.js';

/**
 * The chain over the audit log. Accepting writes plain rows; a sealer, apart from it, takes those of transactions
 * that are certain to be over and below which none can appear any more, and chains their digest to the last seal.
 * Transactions are counted by the server: on another, to which a dump was restored, an epoch of the chain begins.
 */
export const sql = /* sql */ `
-- What a seal covers of an event. The address counts by its digest, so that it can be erased.
create or replace function audit_canonical(e audit_event) returns text
language sql stable as $$
  select row(e.id, e.xid, extract(epoch from e.at), e.offer_id, e.booking_id, e.action, e.from_state, e.to_state, e.version,
    e.ordinal, e.quantity, e.actor_kind, e.actor_id,
    coalesce(e.address_digest, encode(sha256(convert_to(coalesce(e.address, ''), 'UTF8')), 'hex')),
    e.correlation_id, e.detail)::text
$$;

-- The digest of an epoch's events (p_first <= id < p_end) of these transactions. The numbers of events are compared
-- in a way that no index fits: the one over transactions is meant.
create or replace function audit_digest(
  p_previous bytea, p_first bigint, p_end bigint, p_from bigint, p_to bigint, out hash bytea, out events integer
)
language sql stable as $$
  select sha256(p_previous || convert_to(coalesce(string_agg(audit_canonical(e), E'\\n' order by e.xid, e.id), ''), 'UTF8')),
    count(*)::integer
  from audit_event e where e.xid >= p_from and e.xid < p_to and e.id + 0 >= p_first and e.id + 0 < p_end
$$;

-- Where the ledger was restored from a dump since the last seal, transactions are counted anew, perhaps from far below
-- the chain's bound: what was written since belongs to an epoch of its own. A dump's rows have been written by the
-- transaction that restored them, not by the one that they name; so has the head of the chain.
-- RETURNS the number of the first event of that epoch, which has not begun yet; null where nothing was restored.
create or replace function audit_restored() returns bigint
language plpgsql stable as $$
declare
  c record;
  v_next bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
  v_last bigint;
begin
  select audit_chain.*, audit_chain.xmin::text::bigint as written_by into c from audit_chain;
  if c.bound <= v_next and c.sealed_by & 4294967295 = c.written_by then return null; end if;
  select id into v_last from audit_event e
  where id >= greatest(c.first_id, c.last_id) and (e.xmin::text::bigint <> xid & 4294967295 or xid >= v_next)
  order by id desc limit 1;
  return v_last + 1;
end $$;

-- Seals about p_limit events, whole transactions in their order. RETURNS how many.
create or replace function seal_audit(p_limit integer) returns jsonb
language plpgsql volatile as $$
declare
  c audit_chain%rowtype;
  v_bound bigint;
  v_restored bigint;
  v_end bigint := 9223372036854775807;
  v_cut bigint;
  v_last bigint;
  v_seal record;
begin
  select * into c from audit_chain for no key update;
  -- Every transaction below is over, and what it wrote is visible to the next statement.
  v_bound := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_restored := audit_restored();
  if v_restored is not null then
    -- What a dump brought is all there, whatever its transactions are called: it is sealed first, in its own epoch.
    v_end := v_restored;
  elsif v_bound <= c.bound then
    return '0';
  end if;
  select max(xid) + 1, max(id) into v_cut, v_last
  from (
    select xid, id from audit_event
    where xid >= c.bound and (v_restored is not null or xid < v_bound) and id + 0 >= c.first_id and id + 0 < v_end
    order by xid limit p_limit
  ) sealable;
  if v_cut is null and v_restored is null then return '0'; end if;
  if v_cut is null then
    -- No transaction of the new epoch is older than both: what is over is visible.
    select least(v_bound, min(xid + 0)) into v_bound from audit_event where id >= v_restored;
    update audit_chain set first_id = v_restored, bound = v_bound, last_id = 0, sealed_by = pg_current_xact_id()::text::bigint;
    return seal_audit(p_limit);
  end if;
  select * into v_seal from audit_digest(c.hash, c.first_id, v_end, c.bound, v_cut);
  insert into audit_seal (number, first_id, bound_from, bound_to, events, hash, sealed_at)
  values (c.number + 1, c.first_id, c.bound, v_cut, v_seal.events, v_seal.hash, clock_timestamp());
  update audit_chain set number = c.number + 1, bound = v_cut, hash = v_seal.hash, last_id = greatest(last_id, v_last),
    -- until the new epoch has begun the restored head stays recognisable
    sealed_by = case when v_restored is null then pg_current_xact_id()::text::bigint else sealed_by end;
  return to_jsonb(v_seal.events);
end $$;

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
    select jsonb_agg(audit_json(e) order by e.id desc), min(e.id) into v_events, v_last from (
      select * from audit_event
      where booking_id = p_booking and id + 0 < v_before and id + 0 >= v_first and (p_offer is null or offer_id = p_offer)
        and (p_since is null or at >= p_since) and (p_until is null or at < p_until)
      order by id + 0 desc limit p_limit) page join audit_event e using (id);
  else
    v_from := greatest(v_first, v_before - p_window);
    select jsonb_agg(audit_json(e) order by e.id desc), min(e.id) into v_events, v_last from (
      select * from audit_event
      where id < v_before and id >= v_from and (p_offer is null or offer_id = p_offer)
        and (p_since is null or at >= p_since) and (p_until is null or at < p_until)
      order by id desc limit p_limit) page join audit_event e using (id);
  end if;
  return jsonb_build_object('events', coalesce(v_events, '[]'), 'next', (case
    when jsonb_array_length(v_events) = p_limit then v_last
    when v_from > greatest(v_first, 1) then v_from
  end)::text);
end $$;

-- Seconds that the oldest event which the sealer could take has waited for it.
create or replace function unsealed_age() returns jsonb
language sql stable as $$
  select to_jsonb(coalesce(extract(epoch from clock_timestamp() - min(at)), 0))
  from audit_event e, audit_chain c
  where e.xid >= c.bound and e.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint and e.id + 0 >= c.first_id
$$;
`;

const EVENTS_PER_SEAL = 20_000;

/** Seals what can be sealed; the number of events. Any number of processes may call it at once. */
export function seal(db: Database): Promise<number> {
  return callJson<number>(db, 'seal_audit', [EVENTS_PER_SEAL]);
}

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

/** How long the oldest event has waited for its seal, in seconds. */
export function unsealedSeconds(db: Database): Promise<number> {
  return callJson<number>(db, 'unsealed_age', []);
}

const UNSEALED_AT_MOST_SECONDS = 60;

interface SealRow {
  readonly number: string;
  readonly events: number;
  readonly ok: boolean;
  readonly linked: boolean;
}

/** The epochs of the chain as ranges of events; one that has not begun yet is `pending`, and none of it is sealed. */
const EPOCHS = `
  epoch as (
    select first_id, lead(first_id, 1, 9223372036854775807) over (order by first_id) as end_id, pending
    from (
      select first_id, bool_and(pending) as pending from (
        select first_id, false as pending from audit_seal
        union all select first_id, false from audit_chain
        union all select audit_restored(), true
      ) known where first_id is not null group by first_id
    ) epochs
  )`;

/** Every seal recomputed from the rows that it covers, and its place after the one before it. */
const SEALS = `
  with ${EPOCHS}
  select s.number, s.events, (d.hash = s.hash and d.events = s.events) as ok,
    (s.number = s.place and (
      (s.first_id = s.epoch_before and s.bound_from = s.bound_before) or
      (s.first_id > s.epoch_before and s.bound_from >= 0)
    )) as linked
  from (
    select *, row_number() over (order by number) as place,
      lag(first_id, 1, 0::bigint) over (order by number) as epoch_before,
      lag(bound_to, 1, 0::bigint) over (order by number) as bound_before,
      lag(hash, 1, sha256('fairline')) over (order by number) as previous
    from audit_seal
  ) s join epoch using (first_id)
  cross join lateral audit_digest(s.previous, s.first_id, epoch.end_id, s.bound_from, s.bound_to) d
  order by s.number`;

/** The head against its last seal, and the events that no seal covers: those that wait, and those that never can be. */
const HEAD = `
  with ${EPOCHS},
  sealed as (
    select first_id, min(bound_from) as bound_from, max(bound_to) as bound_to from audit_seal group by first_id
  ),
  unsealed as (
    select e.at, epoch.pending or (epoch.first_id = c.first_id and e.xid >= c.bound) as waits
    from epoch cross join audit_chain c left join sealed s on s.first_id = epoch.first_id
    join audit_event e on e.id >= epoch.first_id and e.id < epoch.end_id
      and (epoch.pending or s.first_id is null or e.xid < s.bound_from or e.xid >= s.bound_to)
  )
  select c.number = coalesce((select max(number) from audit_seal), 0)
      and c.bound = coalesce((select max(bound_to) from audit_seal s where s.first_id = c.first_id), c.bound)
      and (c.number > 0 or c.bound = 0 or c.first_id > 0)
      and c.hash = coalesce((select hash from audit_seal order by number desc limit 1), sha256('fairline')) as whole,
    (select count(*)::integer from unsealed where not waits)
      + (select count(*)::integer from audit_event where id < 0) as outside,
    (select count(*)::integer from unsealed where waits
      and at < (select max(at) from audit_event) - make_interval(secs => ${UNSEALED_AT_MOST_SECONDS})) as late
  from audit_chain c`;

/**
 * F6, the chain: every seal recomputed from the rows it covers, its place checked, and nothing left behind. Time is
 * that of the events, so that a system that was stopped, or a restored copy, is in order.
 */
export async function verifyChain(client: Client): Promise<InvariantResult> {
  const violations: string[] = [];
  const { rows } = await client.query<SealRow>(SEALS);
  for (const row of rows) {
    if (!row.ok) violations.push(`seal ${row.number} does not match the ${row.events} events it covers`);
    if (!row.linked) violations.push(`seal ${row.number} does not follow the one before it`);
  }
  const { rows: heads } = await client.query<{ whole: boolean; outside: number; late: number }>(HEAD);
  const head = heads[0];
  if (head?.whole !== true)
    violations.push('the head of the chain does not name its last seal: seals are missing');
  if (head !== undefined && head.outside > 0)
    violations.push(`${head.outside} events lie outside of every seal and can never be sealed`);
  if (head !== undefined && head.late > 0) {
    violations.push(
      `${head.late} events were not sealed although others came more than ${UNSEALED_AT_MOST_SECONDS} s later`,
    );
  }
  return { ok: violations.length === 0, checked: rows.reduce((sum, row) => sum + row.events, 0), violations };
}
