import type { Client } from 'pg';
import type { Database } from '../../database/database.js';
import { dayNumber } from '../../common/days.js';
import { isLegal, type BookingState } from '../booking.js';
import { verifyChain, type AuditAnchor } from './audit-verify.js';
import { LineReplay, type ReplayNights, type ReplayReservation } from './line-replay.js';
import type { ReservationState } from './reservations.js';
import type { InvariantReport, InvariantResult, ProviderCharge } from './types.js';

const SHOWN = 20;
const PAGE = 5000;

/** Gathers violations, keeps the first few. */
class Findings {
  checked = 0;
  private count = 0;
  private readonly shown: string[] = [];

  add(violation: string): void {
    if (++this.count <= SHOWN) this.shown.push(violation);
  }
  result(): InvariantResult {
    const more = this.count - this.shown.length;
    const violations = more > 0 ? [...this.shown, `and ${more} more`] : this.shown;
    return { ok: this.count === 0, checked: this.checked, violations, notes: [] };
  }
}

/** A query whose every row is a violation, with the sentence that says it; and one that counts what was looked at. */
interface Check {
  readonly count: string;
  readonly violations: string;
}

const conservation: Check = {
  count: 'select count(*) as n from stock',
  violations: `
    select format('offer %s, %s: capacity %s, but available %s + held %s + sold %s; bookings hold %s (paid %s) and own %s, other systems %s and %s',
      s.offer_id, s.day, s.capacity, s.available, s.held, s.sold, b.held, b.paid, b.sold, r.held, r.sold) as violation
    from stock s cross join lateral (
      select coalesce(sum(quantity) filter (where state in ('held', 'paying', 'paid')), 0) as held,
        coalesce(sum(quantity) filter (where state = 'paid'), 0) as paid,
        coalesce(sum(quantity) filter (where state = 'confirmed'), 0) as sold
      from booking where offer_id = s.offer_id and s.day between first_day and last_day
    ) b cross join lateral (
      select coalesce(sum(quantity) filter (where state = 'reserved'), 0) as held,
        coalesce(sum(quantity) filter (where state = 'confirmed'), 0) as sold
      from reservation where offer_id = s.offer_id and state <> 'released'
        and s.day between coalesce(first_night, s.day) and coalesce(last_night, s.day)
    ) r
    where s.capacity <> s.available + s.held + s.sold or least(s.available, s.held, s.paid, s.sold) < 0
      or s.held <> b.held + r.held or s.paid <> b.paid or s.sold <> b.sold + r.sold`,
};

const lineCounts: Check = {
  count: 'select count(*) as n from booking_line',
  violations: `
    select format('line %s says %s wait, front %s, last %s; its bookings say %s, first %s, last %s',
      l.offer_id, l.waiting, l.front, l.last_seq, b.waiting, b.first, b.last) as violation
    from booking_line l cross join lateral (
      select count(*) filter (where state = 'waiting' and not is_covered(booking, l)) as waiting,
        min(seq) filter (where state = 'waiting' and not is_covered(booking, l)) as first,
        coalesce(max(seq), 0) as last, count(*) as n
      from booking where offer_id = l.offer_id
    ) b
    where l.waiting <> b.waiting or l.last_seq <> b.last or b.n <> b.last or b.first < l.front`,
};

const stayCounts: Check = {
  count: "select count(*) as n from stock join offer on offer.id = offer_id where kind = 'room'",
  violations: `
    select format('offer %s, %s: %s waiting stays arrive and %s leave, its bookings say %s and %s',
      s.offer_id, s.day, s.arriving, s.leaving, b.arriving, b.leaving) as violation
    from stock s cross join lateral (
      select count(*) filter (where first_day = s.day) as arriving, count(*) filter (where last_day = s.day) as leaving
      from booking where offer_id = s.offer_id and state = 'waiting' and check_in is not null
    ) b
    where s.arriving <> b.arriving or s.leaving <> b.leaving`,
};

const steps: Check = {
  count: 'select count(*) as n from booking_step',
  violations: `
    select format('booking %s is %s without step %s', b.id, b.state, s.step) as violation
    from booking b cross join (values ('validate'), ('payment'), ('pdf'), ('email'), ('inventory')) s (step)
    where b.state = 'confirmed' and not exists (select from booking_step where booking_id = b.id and step = s.step)
    union all
    select format('booking %s is confirmed with %s tickets for %s units', b.id, count(t.id), b.quantity)
    from booking b left join ticket t on t.booking_id = b.id
    where b.state = 'confirmed' group by b.id having count(t.id) <> b.quantity
    union all
    select format('booking %s has tickets in use although it is %s', b.id, b.state)
    from booking b join ticket t on t.booking_id = b.id
    where b.state not in ('paid', 'confirmed') and t.state <> 'revoked'`,
};

const limits: Check = {
  count: 'select count(distinct (customer_id, offer_id)) as n from booking',
  violations: `
    select format('a customer has %s units of offer %s, the limit was %s', sum(b.quantity), b.offer_id, o.highest) as violation
    from booking b join booking_line l on l.offer_id = b.offer_id
    cross join lateral (
      -- what was accepted under an earlier limit stays
      select greatest(offer.limit_per_customer, coalesce(max((detail->>'limitPerCustomer')::integer), 0)) as highest
      from offer left join audit_event e on e.offer_id = offer.id and e.action in ('offer.create', 'offer.change')
      where offer.id = b.offer_id group by offer.id
    ) o
    -- stays count by night; the day of tickets is one
    cross join generate_series(0, b.last_day - b.first_day) as i
    where b.state in ('held', 'paying', 'paid', 'confirmed') or (b.state = 'waiting' and not is_covered(b, l))
    group by b.customer_id, b.offer_id, o.highest, b.first_day + i
    having sum(b.quantity) > o.highest`,
};

const auditRows: Check = {
  count: 'select count(*) as n from audit_event',
  violations: `
    select format('booking %s has no audit row for its acceptance', b.id) as violation
    from booking b where not exists (
      select from (select booking_id from audit_event where action = 'accept') e where e.booking_id = b.id)
    union all
    -- the order of events is that of the versions; only the rows of a sell-out follow its decision later
    select format('line %s came to version %s by %s transactions', offer_id, version, count(distinct xid))
    from audit_event where version is not null and action <> 'sell_out'
    group by offer_id, version having count(distinct xid) > 1`,
};

/**
 * F1 to F7 on one snapshot of the ledger. Reads everything: for verification, not for dashboards.
 * @param anchors heads of the audit chain that were kept elsewhere and must be part of it
 */
export async function check(
  db: Database,
  charges: AsyncIterable<readonly ProviderCharge[]>,
  anchors: readonly AuditAnchor[] = [],
): Promise<InvariantReport> {
  const report = await db.snapshot(async (client) => {
    const transitions = await replayTransitions(client);
    const chain = await verifyChain(client, anchors);
    const rows = await run(client, [auditRows]);
    return {
      F1: await run(client, [conservation, lineCounts, stayCounts]),
      F2: transitions.order,
      F3: transitions.states,
      F4: await money(client, charges),
      F5: await run(client, [steps]),
      F6: {
        ok: chain.ok && rows.ok && transitions.recorded.ok,
        checked: rows.checked,
        violations: [...chain.violations, ...rows.violations, ...transitions.recorded.violations],
        notes: chain.notes,
      },
      F7: await run(client, [limits]),
    };
  });
  return report;
}

async function run(client: Client, checks: readonly Check[]): Promise<InvariantResult> {
  const findings = new Findings();
  for (const { count, violations } of checks) {
    const counted = await client.query<{ n: string }>(count);
    findings.checked += Number(counted.rows[0]?.n ?? 0);
    const { rows } = await client.query<{ violation: string }>(violations);
    for (const row of rows) findings.add(row.violation);
  }
  return findings.result();
}

interface TransitionRow {
  readonly offer_id: string;
  readonly booking_id: string | null;
  readonly seq: string | null;
  readonly version: string;
  readonly ordinal: string;
  readonly action: string;
  readonly from_state: BookingState | null;
  readonly to_state: BookingState | null;
  readonly quantity: number | null;
  readonly at: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly begins: number | null;
  readonly capacities: readonly (readonly [night: string, more: number])[] | null;
  readonly begun: boolean | null;
  readonly sold_out: { readonly throughSeq: number; readonly minQuantity: number } | null;
  readonly reservation: ReservationRow | null;
}

interface ReservationRow {
  readonly service: string;
  readonly bookingId: string;
  readonly from: ReservationState;
  readonly to: ReservationState;
  readonly first: number | null;
  readonly last: number | null;
  readonly afterSeq?: number;
}

interface Transitions {
  readonly order: InvariantResult;
  readonly states: InvariantResult;
  readonly recorded: InvariantResult;
}

/** Replays every line in the order (version, ordinal): who was granted when, and whether each step was legal. */
async function replayTransitions(client: Client): Promise<Transitions> {
  const order = new Findings();
  const states = new Findings();
  const recorded = new Findings();
  await client.query(`declare transitions no scroll cursor for
    select e.offer_id, e.booking_id, b.seq, e.version, e.ordinal, e.action, e.from_state, e.to_state, e.quantity,
      case when b.check_in is not null then b.first_day - date '1970-01-01' end as first,
      case when b.check_in is not null then b.last_day - date '1970-01-01' end as last,
      extract(epoch from e.at)::double precision as at, extract(epoch from b.check_in)::double precision as begins,
      case when e.booking_id is null then e.detail->'nights' end as capacities,
      coalesce(b.check_in, o.starts_at) <= e.at as begun,
      case when e.action = 'sell_out' and e.booking_id is null then e.detail end as sold_out,
      case when e.action like 'reservation.%' then e.detail || jsonb_build_object('to', substr(e.action, 13),
        'first', (e.detail->>'firstNight')::date - date '1970-01-01',
        'last', (e.detail->>'lastNight')::date - date '1970-01-01') end as reservation
    from audit_event e left join booking b on b.id = e.booking_id left join offer o on o.id = e.offer_id
    where e.version is not null
    order by e.offer_id, e.version, e.ordinal`);
  let replay: LineReplay | undefined;
  const finish = async (): Promise<void> => {
    if (replay === undefined) return;
    for await (const page of currentStates(client, replay.offerId)) replay.compare(page);
    replay.compareReservations(await liveReservations(client, replay.offerId));
  };
  for (;;) {
    const { rows } = await client.query<TransitionRow>(`fetch ${PAGE} from transitions`);
    for (const row of rows) {
      if (replay?.offerId !== row.offer_id) {
        await finish();
        replay = new LineReplay(row.offer_id, {
          order: (violation) => order.add(violation),
          states: (violation) => states.add(violation),
          recorded: (violation) => recorded.add(violation),
        });
      }
      order.checked++;
      states.checked++;
      if (row.from_state !== null && row.to_state !== null && !isLegal(row.from_state, row.to_state)) {
        states.add(`booking ${row.booking_id ?? '?'} went from ${row.from_state} to ${row.to_state}`);
      }
      replay.apply({
        bookingId: row.booking_id,
        seq: Number(row.seq ?? 0),
        action: row.action,
        from: row.from_state,
        to: row.to_state,
        quantity: row.quantity ?? 0,
        at: row.at,
        nights: nightsOf(row),
        capacities: (row.capacities ?? []).map(([night, more]) => [dayNumber(night), more] as const),
        begun: row.begun ?? false,
        soldOut: row.sold_out,
        reservation: row.reservation === null ? null : reservationOf(row.reservation),
      });
    }
    if (rows.length < PAGE) break;
  }
  await finish();
  await client.query('close transitions');
  return { order: order.result(), states: states.result(), recorded: recorded.result() };
}

function nightsOf({ first, last, begins }: TransitionRow): ReplayNights | null {
  return first === null || last === null || begins === null ? null : { first, last, begins };
}

function reservationOf({
  service,
  bookingId,
  from,
  to,
  first,
  last,
  afterSeq,
}: ReservationRow): ReplayReservation {
  const nights = first === null || last === null ? null : { first, last };
  return { id: nameOf(service, bookingId), from, to, nights, afterSeq: afterSeq ?? null };
}

const nameOf = (service: string, bookingId: string): string => `${bookingId} of ${service}`;

/** Those of an offer that have units. */
async function liveReservations(
  client: Client,
  offerId: string,
): Promise<{ id: string; state: ReservationState }[]> {
  const { rows } = await client.query<{ service: string; booking_id: string; state: ReservationState }>(
    "select service, booking_id, state from reservation where offer_id = $1 and state <> 'released'",
    [offerId],
  );
  return rows.map(({ service, booking_id, state }) => ({ id: nameOf(service, booking_id), state }));
}

/** The rows of an offer's bookings as they are, by pages. */
async function* currentStates(
  client: Client,
  offerId: string,
): AsyncGenerator<{ id: string; state: BookingState; covered: boolean }[]> {
  let after = 0;
  for (;;) {
    const { rows } = await client.query<{ id: string; seq: string; state: BookingState; covered: boolean }>(
      `select b.id, b.seq, b.state, is_covered(b, l) as covered from booking b join booking_line l on l.offer_id = b.offer_id
       where b.offer_id = $1 and b.seq > $2 order by b.seq limit ${PAGE}`,
      [offerId, after],
    );
    yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = Number(last.seq);
  }
}

/**
 * F4. The provider's records are read first, the ledger after them: what was captured in between is told by its time,
 * and a charge whose attempt is still under way is in order.
 */
async function money(
  client: Client,
  charges: AsyncIterable<readonly ProviderCharge[]>,
): Promise<InvariantResult> {
  const findings = new Findings();
  await client.query('rollback');
  const { rows: begun } = await client.query<{ at: string }>('select clock_timestamp()::text as at');
  await client.query(
    'create temporary table provider_charge (key text primary key, state text, amount_minor bigint, currency text, refunded_minor bigint)',
  );
  for await (const page of charges) {
    findings.checked += page.length;
    await client.query(
      `insert into provider_charge select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]) on conflict do nothing`,
      [
        page.map((c) => c.key),
        page.map((c) => c.state),
        page.map((c) => c.amountMinor),
        page.map((c) => c.currency),
        page.map((c) => c.refundedMinor),
      ],
    );
  }
  const { rows } = await client.query<{ violation: string }>(MONEY, [begun[0]?.at]);
  for (const row of rows) findings.add(row.violation);
  const paid = await client.query<{ n: string }>(
    `select count(*) as n from booking where state in ('paid', 'confirmed')`,
  );
  findings.checked += Number(paid.rows[0]?.n ?? 0);
  return findings.result();
}

const MONEY = `
  with charge as (
    select c.*, a.booking_id, a.fence, a.state as attempt_state, b.state as booking_state, b.fence as booking_fence,
      a.amount_minor as expected_minor, a.currency as expected_currency,
      (select r.state from refund r where r.provider_key = c.key) as refund_state,
      (select r.finished_at < $1::timestamptz from refund r where r.provider_key = c.key) as refunded_before
    from provider_charge c
    left join payment_attempt a on a.provider_key = c.key
    left join booking b on b.id = a.booking_id
  )
  select format('charge %s was captured, but no attempt of ours has that key', key) as violation
  from charge where state = 'captured' and booking_id is null
  union all
  select format('charge %s is of %s %s, its attempt of %s %s', key, amount_minor, currency, expected_minor, expected_currency)
  from charge where booking_id is not null and (amount_minor, currency) <> (expected_minor, expected_currency)
  union all
  select format('charge %s was captured, booking %s is %s, and no refund is under way', key, booking_id, booking_state)
  from charge
  where state = 'captured' and refund_state is null and booking_id is not null
    and booking_state not in ('paid', 'confirmed')
    -- under way: captured, and about to be recorded
    and not (attempt_state = 'started' and booking_state = 'paying' and fence = booking_fence)
  union all
  select format('charge %s was captured, but its attempt is recorded as %s, and no refund is under way', key, attempt_state)
  from charge where state = 'captured' and refund_state is null and attempt_state in ('declined', 'voided')
  union all
  select format('booking %s was charged %s times', booking_id, count(*))
  from charge where state = 'captured' and refund_state is null and booking_id is not null
  group by booking_id having count(*) > 1
  union all
  select format('the refund of charge %s succeeded, but the provider gave back %s of %s', key, refunded_minor, amount_minor)
  from charge where refund_state = 'succeeded' and refunded_before and refunded_minor <> amount_minor
  union all
  select format('booking %s is %s, but no charge for it was captured', b.id, b.state)
  from booking b
  where b.state in ('paid', 'confirmed')
    and not exists (select from charge c where c.booking_id = b.id and c.state = 'captured' and c.refund_state is null)
    -- captured after the provider was read
    and exists (select from payment_attempt a where a.booking_id = b.id and a.state = 'captured'
      and a.finished_at < $1::timestamptz)
  union all
  select format('booking %s is %s without a captured attempt', b.id, b.state)
  from booking b
  where b.state in ('paid', 'confirmed')
    and not exists (select from payment_attempt a where a.booking_id = b.id and a.state = 'captured')`;
