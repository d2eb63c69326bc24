import type { Client } from 'pg';
import type { InvariantResult } from './types.js';

const UNSEALED_AT_MOST_SECONDS = 60;

interface SealRow {
  readonly number: string;
  readonly events: number;
  readonly ok: boolean;
  readonly linked: boolean;
}

/** A head of the chain as it was written down somewhere else. */
export interface AuditAnchor {
  readonly sequence: number;
  /** Hex. */
  readonly digest: string;
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
  select s.number, s.events,
    (d.hash = coalesce(s.recoded, s.hash) and d.events = s.events
      -- what was recoded says so itself, in a later part of the chain
      and (s.recoded is null or exists (select from audit_event e where e.id = s.recode_event and e.action = 'audit.recode'
        and e.detail = jsonb_build_object('seal', s.number, 'hash', encode(s.hash, 'hex'), 'digest', encode(s.recoded, 'hex'))))
    ) as ok,
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
  cross join lateral audit_digest(case when s.recoded is null then s.previous else s.hash end, s.first_id, epoch.end_id, s.bound_from, s.bound_to) d
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

const ANCHORED = `
  select a.sequence, a.digest, s.number is not null as there
  from unnest($1::bigint[], $2::text[]) with ordinality as a (sequence, digest, place)
  left join audit_seal s on s.number = a.sequence
  where a.digest is distinct from coalesce(encode(s.hash, 'hex'),
    case when a.sequence = 0 then encode(sha256('fairline'), 'hex') end)
  order by a.place`;

/** A chain that was made anew is whole in itself: only what somebody else has kept of the old one tells. */
async function missingAnchors(client: Client, anchors: readonly AuditAnchor[]): Promise<string[]> {
  const { rows } = await client.query<{ sequence: string; digest: string; there: boolean }>(ANCHORED, [
    anchors.map(({ sequence }) => sequence),
    anchors.map(({ digest }) => digest),
  ]);
  return rows.map(({ sequence, digest, there }) =>
    there
      ? `seal ${sequence} is not the one of the anchor ${sequence}:${digest}: the chain was made anew`
      : `there is no seal ${sequence} as the anchor ${sequence}:${digest} says: the end of the chain is missing`,
  );
}

/**
 * F6, the chain: every seal recomputed from the rows it covers, its place checked, and nothing left behind. Time is
 * that of the events, so that a system that was stopped, or a restored copy, is in order.
 * @param anchors heads that must be part of it
 */
export async function verifyChain(
  client: Client,
  anchors: readonly AuditAnchor[] = [],
): Promise<InvariantResult> {
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
  violations.push(...(await missingAnchors(client, anchors)));
  return { ok: violations.length === 0, checked: rows.reduce((sum, row) => sum + row.events, 0), violations };
}
