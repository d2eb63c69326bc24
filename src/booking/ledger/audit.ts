import type { Client } from 'pg';
import type { Database } from '../../database/database.js';
import type { AuditEvent, InvariantResult } from './types.js';
import { callJson } from './call.js';

/**
 * The chain over the audit log. Accepting writes plain rows; a sealer, apart from it, takes those of transactions
 * that are certain to be over and below which none can appear any more, and chains their digest to the last seal.
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

create or replace function audit_digest(p_previous bytea, p_from bigint, p_to bigint, out hash bytea, out events integer)
language sql stable as $$
  select sha256(p_previous || convert_to(coalesce(string_agg(audit_canonical(e), E'\\n' order by e.xid, e.id), ''), 'UTF8')),
    count(*)::integer
  from audit_event e where e.xid >= p_from and e.xid < p_to
$$;

-- Seals about p_limit events, whole transactions in their order. RETURNS how many.
create or replace function seal_audit(p_limit integer) returns jsonb
language plpgsql volatile as $$
declare
  c audit_chain%rowtype;
  v_bound bigint;
  v_cut bigint;
  v_seal record;
begin
  select * into c from audit_chain for no key update;
  -- Every transaction below is over, and what it wrote is visible to the next statement.
  v_bound := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  if v_bound <= c.bound then return '0'; end if;
  select max(xid) + 1 into v_cut
  from (select xid from audit_event where xid >= c.bound and xid < v_bound order by xid limit p_limit) sealable;
  if v_cut is null then return '0'; end if;
  select * into v_seal from audit_digest(c.hash, c.bound, v_cut);
  insert into audit_seal (number, bound_from, bound_to, events, hash, sealed_at)
  values (c.number + 1, c.bound, v_cut, v_seal.events, v_seal.hash, clock_timestamp());
  update audit_chain set number = c.number + 1, bound = v_cut, hash = v_seal.hash;
  return to_jsonb(v_seal.events);
end $$;

create or replace function audit_json(e audit_event) returns jsonb
language sql stable as $$
  select jsonb_build_object('id', e.id::text, 'at', iso(e.at), 'offerId', e.offer_id,
    'bookingId', e.booking_id, 'action', e.action, 'fromState', e.from_state, 'toState', e.to_state,
    'version', e.version, 'ordinal', e.ordinal, 'actorKind', e.actor_kind, 'actorId', e.actor_id,
    'address', e.address, 'correlationId', e.correlation_id, 'detail', e.detail)
$$;

-- Newest first. One statement for each way to ask, so that each has its index.
create or replace function list_audit(p_offer text, p_booking uuid, p_before bigint, p_limit integer) returns jsonb
language plpgsql stable as $$
declare
  v_before bigint := coalesce(p_before, 9223372036854775807);
begin
  if p_booking is not null then
    return (select coalesce(jsonb_agg(audit_json(e) order by e.id desc), '[]') from (
      select * from audit_event
      where booking_id = p_booking and id < v_before and (p_offer is null or offer_id = p_offer)
      order by id desc limit p_limit) page join audit_event e using (id));
  end if;
  return (select coalesce(jsonb_agg(audit_json(e) order by e.id desc), '[]') from (
    select * from audit_event
    where id < v_before and (p_offer is null or offer_id = p_offer)
    order by id desc limit p_limit) page join audit_event e using (id));
end $$;

-- Seconds that the oldest event which the sealer could take has waited for it.
create or replace function unsealed_age() returns jsonb
language sql stable as $$
  select to_jsonb(coalesce(extract(epoch from clock_timestamp() - min(at)), 0))
  from audit_event, audit_chain where xid >= audit_chain.bound
$$;
`;

const EVENTS_PER_SEAL = 20_000;

/** Seals what can be sealed; the number of events. Any number of processes may call it at once. */
export function seal(db: Database): Promise<number> {
  return callJson<number>(db, 'seal_audit', [EVENTS_PER_SEAL]);
}

/** Newest first. */
export function auditEvents(
  db: Database,
  filter: { offerId: string | null; bookingId: string | null; before: string | null; limit: number },
): Promise<AuditEvent[]> {
  return callJson<AuditEvent[]>(db, 'list_audit', [
    filter.offerId,
    filter.bookingId,
    filter.before,
    filter.limit,
  ]);
}

/** How long the oldest event has waited for its seal, in seconds. */
export function unsealedSeconds(db: Database): Promise<number> {
  return callJson<number>(db, 'unsealed_age', []);
}

const UNSEALED_AT_MOST_SECONDS = 60;

interface SealRow {
  readonly number: string;
  readonly bound_from: string;
  readonly bound_to: string;
  readonly events: number;
  readonly ok: boolean;
  readonly linked: boolean;
}

/** F6, the chain: every seal recomputed from the rows it covers, its place checked, and nothing left behind. */
export async function verifyChain(client: Client): Promise<InvariantResult> {
  const violations: string[] = [];
  const { rows } = await client.query<SealRow>(
    `select s.number, s.bound_from, s.bound_to, s.events, (d.hash = s.hash and d.events = s.events) as ok,
       (s.number = s.place and s.bound_from = s.expected_from) as linked
     from (
       select *, row_number() over (order by number) as place,
         lag(bound_to, 1, 0::bigint) over (order by number) as expected_from,
         lag(hash, 1, sha256('fairline')) over (order by number) as previous
       from audit_seal
     ) s cross join lateral audit_digest(s.previous, s.bound_from, s.bound_to) d
     order by s.number`,
  );
  for (const row of rows) {
    if (!row.ok) violations.push(`seal ${row.number} does not match the ${row.events} events it covers`);
    if (!row.linked) violations.push(`seal ${row.number} does not follow the one before it`);
  }
  const { rows: heads } = await client.query<{ whole: boolean; late: number }>(
    `select c.number = coalesce((select max(number) from audit_seal), 0)
         and c.bound = coalesce((select max(bound_to) from audit_seal), 0) as whole,
       (select count(*)::integer from audit_event e
        where e.xid >= c.bound
          and e.at < (select max(at) from audit_event) - make_interval(secs => ${UNSEALED_AT_MOST_SECONDS})) as late
     from audit_chain c`,
  );
  const head = heads[0];
  if (head?.whole !== true)
    violations.push('the head of the chain does not name its last seal: seals are missing');
  if (head !== undefined && head.late > 0) {
    violations.push(
      `${head.late} events were not sealed although others came more than ${UNSEALED_AT_MOST_SECONDS} s later`,
    );
  }
  return { ok: violations.length === 0, checked: rows.reduce((sum, row) => sum + row.events, 0), violations };
}
