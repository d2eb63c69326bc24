import type { Database } from '../../database/database.js';
import type { ErrorCode, ErrorDetails } from '../../common/errors.js';
import type { AcceptOutcome, AcceptRequest, AcceptResult, LineChange } from './types.js';
import { arrayLiteral, textArrayLiteral } from './array-literal.js';

/**
 * ARGUMENTS one array each, in the order of the requests; `p_offer` points into `p_offers`, from 1.
 *   At most one request per (customer, offer) and per (customer, key); ids are new, or this batch was sent before.
 * RETURNS one row: `outcomes`, one for each request that did not enter a line now; `lines`, one for each offer:
 *   those that did enter got consecutive numbers and positions in the order of the requests, from `seq` and
 *   `position` on, and the estimates `waits`.
 * LOCKS lines by id, then inserts; reads stock without a lock, since every change of stock holds the line.
 */
export const sql = /* sql */ `
create or replace function accept_bookings(
  p_resend boolean, p_max_length integer, p_offers text[], p_ids uuid[], p_offer integer[], p_customers text[],
  p_quantities integer[], p_emails text[], p_methods text[], p_keys text[], p_hashes text[],
  p_actor_kinds text[], p_actors text[], p_addresses text[], p_correlations text[]
) returns table (outcomes jsonb, lines jsonb)
language plpgsql volatile as $$
declare
  v_now timestamptz;
begin
  perform 1 from booking_line where offer_id = any (p_offers) order by offer_id for no key update;
  v_now := clock_timestamp();

  return query
  with facts as materialized (
    select wanted_offer.number, l.*, o.paused, o.opens_at, o.closes_at, o.starts_at, o.hold_seconds, o.price_minor, o.currency,
      o.limit_per_customer, o.max_quantity as offer_max_quantity, s.day, s.available, s.capacity - s.sold as unsold,
      case when o.starts_at <= v_now then 0 else s.capacity - s.sold - s.paid end as not_final,
      line_rate(l, v_now) as rate
    from unnest(p_offers) with ordinality as wanted_offer (offer_id, number)
    join booking_line l on l.offer_id = wanted_offer.offer_id
    -- not of rooms, which have many days
    join offer o on o.id = l.offer_id and o.starts_at < 'infinity'
    join stock s on s.offer_id = l.offer_id
  ),
  request as materialized (
    -- narrow, and so are the numbered: a wide row would be copied at each stage, an argument is looked up in its array
    select r.number, r.offer_number, k.body_hash as known_hash, k.booking_id as known_booking, b.id as own_id,
      case
        when f.offer_id is null then 'OFFER_NOT_FOUND'
        when f.paused then 'OFFER_PAUSED'
        when f.opens_at > v_now then 'OFFER_NOT_OPEN'
        when f.closes_at <= v_now or f.starts_at <= v_now then 'OFFER_CLOSED'
        when r.quantity > f.offer_max_quantity then 'LIMIT_PER_CUSTOMER'
        when r.quantity > f.not_final then 'SOLD_OUT'
        when r.quantity > f.limit_per_customer - (
          select coalesce(sum(live.quantity), 0) from booking live
          where live.customer_id = p_customers[r.number] and live.offer_id = f.offer_id
            and (live.state in ('held', 'paying', 'paid', 'confirmed')
              or live.state = 'waiting'
                and not (live.seq <= f.sold_out_through and live.quantity >= f.sold_out_min_quantity))
        ) then 'LIMIT_PER_CUSTOMER'
      end as refusal
    from (
      select number, p_offer[number] as offer_number, p_quantities[number] as quantity
      from generate_series(1, cardinality(p_ids)) number
    ) r
    left join facts f on f.number = r.offer_number
    -- limit 1 keeps these look-ups by a key, whatever the planner thinks of tables that were analysed while empty
    left join lateral (
      select key.body_hash, key.booking_id from idempotency_key key
      where key.customer_id = p_customers[r.number] and key.route = 'accept' and key.key = p_keys[r.number] limit 1
    ) k on true
    left join lateral (
      select own.id from booking own
      where own.id = case when p_resend then p_ids[r.number] end and own.customer_id = p_customers[r.number] limit 1
    ) b on true
  ),
  numbered as (
    select r.number, r.offer_number, row_number() over (partition by r.offer_number order by r.number) as place
    from request r
    where r.refusal is null and r.known_hash is null and r.own_id is null
  ),
  entering as materialized (
    select n.number, n.place, f.offer_id, f.price_minor, f.currency, f.day,
      f.last_seq + n.place as seq, f.version + 1 as version, (f.waiting + n.place)::integer as position,
      case when f.rate > 0 then least(ceil((f.waiting + n.place) * 60 / f.rate), 2147483647)
        else least(f.hold_seconds * floor((f.waiting + n.place - 1) / greatest(1, f.unsold)), 2147483647) end::integer as wait
    from numbered n join facts f on f.number = n.offer_number
    where n.place <= p_max_length - f.waiting
  ),
  inserted as (
    insert into booking (id, offer_id, seq, customer_id, quantity, first_day, last_day, state, version, accepted_version,
      price_minor, currency, email, payment_method, accepted_at, accepted_position, accepted_wait, correlation_id)
    select p_ids[number], offer_id, seq, p_customers[number], p_quantities[number], day, day, 'waiting', version, version,
      price_minor, currency, p_emails[number], p_methods[number], v_now, position, wait, p_correlations[number]
    from entering
  ),
  keyed as (
    insert into idempotency_key (customer_id, route, key, body_hash, booking_id, created_at)
    select p_customers[number], 'accept', p_keys[number], p_hashes[number], p_ids[number], v_now
    from entering where p_keys[number] is not null order by p_customers[number], p_keys[number]
  ),
  audited as (
    insert into audit_event (at, offer_id, booking_id, action, to_state, version, ordinal, quantity,
      actor_kind, actor_id, address, correlation_id)
    select v_now, offer_id, p_ids[number], 'accept', 'waiting', version, place, p_quantities[number],
      p_actor_kinds[number], p_actors[number], p_addresses[number], p_correlations[number]
    from entering
  ),
  moved as (
    update booking_line l set last_seq = l.last_seq + e.many, version = l.version + 1, waiting = l.waiting + e.many,
      max_quantity = greatest(l.max_quantity, e.largest),
      wanted = l.wanted + (f.available > 0)::integer
    from (select offer_id, count(*)::integer as many, max(p_quantities[number]) as largest from entering group by offer_id) e
    join facts f on f.offer_id = e.offer_id
    where l.offer_id = e.offer_id
    returning l.offer_id, l.version, l.wanted <> l.admitted as wants
  )
  select
    (select jsonb_agg(jsonb_build_object('at', r.number - 1) ||
       case
         when r.own_id is not null or r.known_hash = p_hashes[r.number] then (
           select jsonb_build_object('bookingId', b.id, 'seq', b.seq, 'position', b.accepted_position,
             'wait', b.accepted_wait, 'version', b.accepted_version, 'fresh', r.own_id is not null)
           from booking b where b.id = coalesce(r.own_id, r.known_booking))
         when r.known_hash is not null then jsonb_build_object('code', 'IDEMPOTENCY_KEY_REUSED')
         when r.refusal = 'OFFER_NOT_OPEN' then
           jsonb_build_object('code', r.refusal, 'details', jsonb_build_object('opensAt', iso(f.opens_at), 'serverTime', iso(v_now)))
         when r.refusal = 'LIMIT_PER_CUSTOMER' then
           jsonb_build_object('code', r.refusal, 'details', jsonb_build_object('limit', least(f.limit_per_customer, f.offer_max_quantity)))
         when r.refusal is not null then jsonb_build_object('code', r.refusal)
         else jsonb_build_object('code', 'LINE_FULL', 'details', jsonb_build_object('retryAfterSeconds', 10))
       end)
     from request r
     left join facts f on f.number = r.offer_number
     where r.number not in (select e.number from entering e)),
    (select jsonb_agg(jsonb_build_object('at', f.number - 1, 'version', coalesce(m.version, f.version),
       'wants', coalesce(m.wants, f.wanted <> f.admitted), 'seq', f.last_seq + 1, 'position', f.waiting + 1,
       'waits', (select jsonb_agg(e.wait order by e.place) from entering e where e.offer_id = f.offer_id)))
     from facts f left join moved m on m.offer_id = f.offer_id);
end $$;
`;

/** A request that did not enter a line by this very call. */
export interface OtherRow {
  readonly at: number;
  readonly code?: ErrorCode;
  readonly details?: ErrorDetails;
  readonly bookingId: string;
  readonly seq: number;
  readonly position: number;
  readonly wait: number;
  readonly version: number;
  readonly fresh: boolean;
}
interface LineRow extends AcceptedLine {
  readonly position: number;
  readonly waits: readonly number[] | null;
}

const call = {
  name: 'accept_bookings',
  text: 'select * from accept_bookings($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)',
};

/**
 * Puts a batch into its lines, in the order given, in one transaction; resolves after the commit.
 * @param resend true where the batch may have been committed by an earlier call whose answer was lost.
 */
export async function accept(
  db: Database,
  batch: readonly AcceptRequest[],
  maxLength: number,
  resend: boolean,
): Promise<AcceptResult> {
  const offers = [...new Set(batch.map((request) => request.offerId))];
  const [row] = await db.call<{ outcomes: OtherRow[] | null; lines: LineRow[] | null }>(call, [
    resend,
    maxLength,
    offers,
    ...batchValues(batch, offers),
  ]);
  if (row === undefined) throw new Error('accept_bookings returned no row');
  return readAnswer(batch, offers, row.outcomes ?? [], row.lines ?? [], ({ position, waits }, k) => {
    const wait = waits?.[k];
    return wait === undefined ? undefined : [position + k, wait];
  });
}

/** One array for each argument of a verb that accepts, in its order from the ids on. */
export function batchValues(batch: readonly AcceptRequest[], offers: readonly string[]): string[] {
  const offerNumber = new Map(offers.map((offerId, index) => [offerId, index + 1]));
  const plain = (of: (request: AcceptRequest) => string | number): string => arrayLiteral(batch, of);
  const text = (of: (request: AcceptRequest) => string | null): string => textArrayLiteral(batch, of);
  return [
    plain((r) => r.bookingId),
    plain((r) => offerNumber.get(r.offerId) ?? 0),
    text((r) => r.customerId),
    plain((r) => r.quantity),
    text((r) => r.email),
    text((r) => r.paymentMethod),
    text((r) => r.idempotencyKey),
    plain((r) => r.bodyHash),
    plain((r) => r.actor.kind),
    text((r) => r.actor.id),
    text((r) => r.actor.address ?? null),
    text((r) => r.actor.correlationId),
  ];
}

/** What such a verb tells of each line that a batch was for. */
export interface AcceptedLine {
  /** Index of its offer in the batch. */
  readonly at: number;
  readonly version: number;
  readonly wants: boolean;
  /** Of the first that entered; the others follow it. */
  readonly seq: number;
}

/**
 * The answer of a verb that accepts, request by request.
 * @param placeOf position and estimated wait of the line's k-th entrant, from 0 on; undefined where there is none
 */
export function readAnswer<Line extends AcceptedLine>(
  batch: readonly AcceptRequest[],
  offers: readonly string[],
  others: readonly OtherRow[],
  lines: readonly Line[],
  placeOf: (line: Line, k: number) => readonly [position: number, wait: number] | undefined,
): AcceptResult {
  const notEntered = new Map(others.map((other) => [other.at, other]));
  const entered = new Map(lines.map((line) => [offers[line.at], { line, count: 0 }]));
  const outcomes = batch.map((request, index): AcceptOutcome => {
    const other = notEntered.get(index);
    if (other !== undefined) return otherOutcome(request, other);
    const of = entered.get(request.offerId);
    const place = of && placeOf(of.line, of.count);
    if (of === undefined || place === undefined) throw new Error('The ledger left a request unanswered');
    return {
      accepted: true,
      bookingId: request.bookingId,
      offerId: request.offerId,
      seq: of.line.seq + of.count++,
      position: place[0],
      estimatedWaitSeconds: place[1],
      version: of.line.version,
      fresh: true,
    };
  });
  return {
    outcomes,
    lines: lines.map(({ at, version, wants }): LineChange => ({
      offerId: offers[at] ?? '',
      version,
      wantsAdmission: wants,
    })),
  };
}

function otherOutcome(request: AcceptRequest, other: OtherRow): AcceptOutcome {
  if (other.code !== undefined) return { accepted: false, code: other.code, details: other.details ?? {} };
  return {
    accepted: true,
    bookingId: other.bookingId,
    offerId: request.offerId,
    seq: other.seq,
    position: other.position,
    estimatedWaitSeconds: other.wait,
    version: other.version,
    fresh: other.fresh,
  };
}
