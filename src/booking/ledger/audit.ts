import type { Database } from '../../database/database.js';
import { callJson } from './call.js';

/**
 * The chain over the audit log. Accepting writes plain rows; a sealer, apart from it, takes those of transactions
 * that are certain to be over and below which none can appear any more, and chains their digest to the last seal.
 * Transactions are counted by the server: on another, to which a dump was restored, an epoch of the chain begins.
 */
export const sql = /* sql */ `
-- Who did it and from where, as a seal covers it: a customer's id and every address by a digest, so that they can be
-- erased and nothing else can be put in their place. Under a random salt, which goes with them: the digest of an address
-- alone is found by trying all addresses.
create or replace function audit_person(e audit_event) returns text
language sql stable as $$
  select case
    when e.salt is not null then 's2:' || encode(sha256(uuid_send(e.salt) || convert_to(
      case when e.actor_kind = 'customer' then length(e.actor_id) || ':' || e.actor_id else '' end || coalesce(e.address, ''),
      'UTF8')), 'hex')
    when e.address is null and (e.actor_kind <> 'customer' or e.actor_id = 'erased') then e.address_digest
  end
$$;

-- Whether its seal covers names as they stand: it was written before there were salts, or names nobody.
create or replace function audit_is_plain(e audit_event) returns boolean
language sql immutable as $$
  select e.salt is null and (e.address_digest is null or e.address_digest not like 's2:%')
$$;

-- Whether an event from before there were salts names a customer or an address.
create or replace function audit_is_nameable(e audit_event) returns boolean
language sql immutable as $$
  select audit_is_plain(e) and (e.actor_kind = 'customer' or e.address is not null)
$$;

-- What a seal covers of an event.
create or replace function audit_canonical(e audit_event) returns text
language sql stable as $$
  select case
    when audit_is_plain(e) then
      row(e.id, e.xid, extract(epoch from e.at), e.offer_id, e.booking_id, e.action, e.from_state, e.to_state, e.version,
        e.ordinal, e.quantity, e.actor_kind, e.actor_id,
        case when e.address is null and e.address_digest is not null then e.address_digest
          else encode(sha256(convert_to(coalesce(e.address, ''), 'UTF8')), 'hex') end,
        e.correlation_id, e.detail)::text
    else
      row('2', e.id, e.xid, extract(epoch from e.at), e.offer_id, e.booking_id, e.action, e.from_state, e.to_state,
        e.version, e.ordinal, e.quantity, e.actor_kind, case when e.actor_kind <> 'customer' then e.actor_id end,
        audit_person(e), e.correlation_id, e.detail)::text
  end
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

-- Where the chain stands: what is kept elsewhere, so that nobody can make another one unseen.
create or replace function audit_head() returns jsonb
language sql stable as $$
  select jsonb_build_object('sequence', c.number, 'digest', encode(c.hash, 'hex'), 'anchor', c.number || ':' || encode(c.hash, 'hex'),
    'sealedAt', iso(s.sealed_at), 'sealedThrough', nullif(c.last_id, 0)::text)
  from audit_chain c left join audit_seal s on s.number = c.number
$$;

-- Seconds that the oldest event which the sealer could take has waited for it.
create or replace function unsealed_age() returns jsonb
language sql stable as $$
  select to_jsonb(coalesce(extract(epoch from clock_timestamp() - min(at)), 0))
  from audit_event e, audit_chain c
  where e.xid >= c.bound and e.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint and e.id + 0 >= c.first_id
$$;

-- From here on every event that names somebody has a salt; one in the chain says which seal was the last before, so that
-- no later one can be taken for such a seal. Once for each ledger: the first time that these routines come to it.
-- LOCKS the chain, then every writer of events.
create or replace function begin_salts() returns void
language plpgsql volatile as $$
begin
  perform 1 from audit_chain for no key update;
  if exists (select from information_schema.columns
    where table_schema = current_schema and table_name = 'audit_event' and column_name = 'salt' and column_default is not null)
  then
    return;
  end if;
  alter table audit_event alter column salt set default gen_random_uuid();
  -- rows are written anew below: what a dump brought could not be recognised any more
  while audit_restored() is not null loop perform seal_audit(20000); end loop;
  update audit_event e set salt = gen_random_uuid() from audit_chain c
  where e.xid >= c.bound and e.id + 0 >= c.first_id and audit_is_nameable(e);
  insert into audit_event (at, action, actor_kind, actor_id, correlation_id, salt, detail)
  select clock_timestamp(), 'audit.salts', 'system', 'migration', 'migration', null, jsonb_build_object('seal', number)
  from audit_chain;
end $$;
select begin_salts();
`;

const EVENTS_PER_SEAL = 20_000;

/** Seals what can be sealed; the number of events. Any number of processes may call it at once. */
export function seal(db: Database): Promise<number> {
  return callJson<number>(db, 'seal_audit', [EVENTS_PER_SEAL]);
}

/** How long the oldest event has waited for its seal, in seconds. */
export function unsealedSeconds(db: Database): Promise<number> {
  return callJson<number>(db, 'unsealed_age', []);
}

/** The newest seal of the chain. */
export interface AuditHead {
  /** Of the seal, from 1; 0 before the first. */
  readonly sequence: number;
  /** SHA-256 over everything that was ever sealed, hex. */
  readonly digest: string;
  /** `sequence:digest`, as `npm run verify -- --anchor` takes it. */
  readonly anchor: string;
  /** ISO 8601; null before the first. */
  readonly sealedAt: string | null;
  /** Number of the last event in it; null before the first. */
  readonly sealedThrough: string | null;
}

export function head(db: Database): Promise<AuditHead> {
  return callJson<AuditHead>(db, 'audit_head', []);
}
