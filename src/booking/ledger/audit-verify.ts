import type { Client } from 'pg';
import type { InvariantResult } from './types.js';

const UNSEALED_AT_MOST_SECONDS = 60;

interface SealRow {
  readonly number: string;
  readonly events: number;
  readonly ok: boolean;
  readonly linked: boolean;
  /** Its events got salts: its own hash says nothing of them any more. */
  readonly recoded: boolean;
  /** Of a recoded seal, what speaks against it. */
  readonly forged: string | null;
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
    s.recoded is not null as recoded,
    (d.hash = coalesce(s.recoded, s.hash) and d.events = s.events
      -- what was recoded says so itself, in a later part of the chain
      and (s.recoded is null or exists (select from audit_event e where e.id = s.recode_event and e.action = 'audit.recode'
        and e.detail = jsonb_build_object('seal', s.number, 'hash', encode(s.hash, 'hex'), 'digest', encode(s.recoded, 'hex'))))
    ) as ok,
    (s.number = s.place and (
      (s.first_id = s.epoch_before and s.bound_from = s.bound_before) or
      (s.first_id > s.epoch_before and s.bound_from >= 0)
    )) as linked,
    case when s.recoded is null then null
      when s.number > coalesce(salts.seal, 0) then 'although it was made after salts began'
      when recode.times > 1 then 'more than once'
      when not exists (select from audit_event e
        where e.xid >= s.bound_from and e.xid < s.bound_to and e.id + 0 >= s.first_id and e.id + 0 < epoch.end_id
          and exists (select from audit_event x where x.booking_id = e.booking_id and x.action = 'erase' and x.id > e.id))
        then 'although no booking in it was erased'
    end as forged
  from (
    select *, row_number() over (order by number) as place,
      lag(first_id, 1, 0::bigint) over (order by number) as epoch_before,
      lag(bound_to, 1, 0::bigint) over (order by number) as bound_before,
      lag(hash, 1, sha256('fairline')) over (order by number) as previous
    from audit_seal
  ) s join epoch using (first_id)
  cross join (select max((detail->>'seal')::bigint) as seal from audit_event where action = 'audit.salts') salts
  left join (
    select (detail->>'seal')::bigint as number, count(*) as times from audit_event where action = 'audit.recode' group by 1
  ) recode using (number)
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

/**
 * What was said of salts and erasures: when salts began, the seals from before that are none, and the events without
 * whom they name although nobody erased their booking after them. Recoding ends with the recoded seals' last event:
 * null while that is not sealed.
 */
const SALTS = `
  with salts as (
    select count(*)::integer as times, max((detail->>'seal')::bigint) as seal from audit_event where action = 'audit.salts'
  )
  select salts.times, salts.seal,
    array(select s.number from audit_seal s where s.recoded is null and s.number <= salts.seal
      and exists (select from audit_seal where recoded is not null)
      and exists (select from audit_event e
        where e.xid >= s.bound_from and e.xid < s.bound_to and e.id + 0 >= s.first_id and not audit_is_plain(e))
      order by s.number) as salted,
    (select count(*)::integer from audit_event e where e.address_digest is not null
      and not exists (select from audit_event x
        where x.booking_id = e.booking_id and x.action = 'erase' and x.id > e.id)) as wiped,
    (select max(place.number) from audit_seal r join audit_event e on e.id = r.recode_event
      left join lateral (select number from audit_seal s
        where s.first_id <= e.id and s.bound_from <= e.xid and e.xid < s.bound_to order by s.first_id desc, s.bound_from desc limit 1) place on true
      where r.recoded is not null
      having bool_and(place.number is not null)) as recoding_ends
  from salts`;

interface SaltsRow {
  readonly times: number;
  readonly seal: string | null;
  readonly salted: readonly string[];
  readonly wiped: number;
  readonly recoding_ends: string | null;
}

function saltViolations({ times, seal, salted, wiped }: SaltsRow): string[] {
  return [
    ...(times > 1 ? [`the audit log says ${times} times when salts began: all but one were forged`] : []),
    ...salted.map(
      (number) => `seal ${number} has salts although it is said to be from before them (up to ${seal})`,
    ),
    ...(wiped > 0
      ? [`of ${wiped} events it was wiped who did them, and no booking of theirs was erased`]
      : []),
  ];
}

const LISTED = 20;

/** What holds, but is not proved by every head that was kept elsewhere. */
function recodedNotes(
  recoded: readonly string[],
  { seal, recoding_ends: ends }: SaltsRow,
  anchors: readonly AuditAnchor[],
): string[] {
  if (recoded.length === 0) return [];
  const isProved = anchors.some(({ sequence }) => ends !== null && sequence >= Number(ends));
  const [are, listed] = [
    recoded.length === 1 ? '1 seal was' : `${recoded.length} seals were`,
    recoded.slice(0, LISTED),
  ];
  const most = recoded.length > LISTED ? ` and ${recoded.length - LISTED} more` : '';
  return [
    `${are} recoded by erasure: ${listed.join(', ')}${most}, of the ${seal} from before there were salts. ` +
      (ends === null ? 'No anchor yet proves' : `Only anchors from ${ends} on prove`) +
      ' what they cover, and only as it has been since.' +
      (anchors.length > 0 && !isProved ? ' None of those given does.' : ''),
  ];
}

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
 * that of the events, so that a system that was stopped, or a restored copy, is in order. Notes say which seals no early
 * anchor proves.
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
    if (row.forged !== null) violations.push(`seal ${row.number} was recoded ${row.forged}`);
  }
  const {
    rows: [salts],
  } = await client.query<SaltsRow>(SALTS);
  if (salts === undefined) throw new Error('the audit log did not answer');
  violations.push(...saltViolations(salts));
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
  return {
    ok: violations.length === 0,
    checked: rows.reduce((sum, row) => sum + row.events, 0),
    violations,
    notes: recodedNotes(
      rows.filter(({ recoded }) => recoded).map(({ number }) => number),
      salts,
      anchors,
    ),
  };
}
