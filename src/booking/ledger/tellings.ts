import type { Database } from '../../database/database.js';
import type { Actor, Stay } from '../booking.js';
import type { OfferFacts } from './types.js';
import { callJson } from './call.js';

/**
 * What other services are told of bookings. Tellings follow from the audit log, seal by seal, so that no verb writes
 * more for them: a seal holds the events of transactions that are over, and none can appear in it any more. Nothing
 * here is called while no such service is configured.
 *
 * A booking is told in the order of its transitions. A telling that is handed out is put off for a while by that very
 * call, and from then on counts as sent; whoever got it says what became of it. Where nobody does, it is handed out
 * again: the one who is told must take a repetition for what it is.
 */
export const sql = /* sql */ `
-- What a transition is to a service; null: nothing that it is told.
create or replace function telling_kind(p_service text, p_from booking_state, p_to booking_state) returns text
language sql immutable parallel safe as $$
  select case
    when p_from = 'paid' and p_to = 'confirmed' then 'confirm'
    when p_service <> 'ticket' then null
    when p_from = 'waiting' and p_to = 'held' then 'reserve'
    when p_to = 'refunded' or (p_from in ('held', 'paying') and p_to in ('expired', 'cancelled')) then 'release'
  end
$$;

-- Turns the next seals into tellings, of about p_events events together, and one at least. A service that is told for
-- the first time begins with whoever holds units now. RETURNS whether there is more to turn.
create or replace function gather_tellings(p_service text, p_events integer) returns jsonb
language plpgsql volatile as $$
declare
  c remote_cursor%rowtype;
  v_now timestamptz := clock_timestamp();
  v_last bigint;
begin
  select * into c from remote_cursor where service = p_service for no key update skip locked;
  if not found then
    -- of two that begin at once one does; and somebody else may be at it
    insert into remote_cursor (service, seal) select p_service, number from audit_chain on conflict do nothing;
    if not found then return 'false'; end if;
    if p_service = 'ticket' then
      insert into remote_telling (service, booking_id, kind, version, next_at, created_at)
      select p_service, id, 'reserve', accepted_version, v_now, v_now from (
        select id, accepted_version from booking where state = 'held'
        union all
        select id, accepted_version from booking where state in ('paying', 'paid')
      ) holding
      on conflict do nothing;
    end if;
    return 'true';
  end if;
  select max(number) into v_last from (
    select number, sum(events) over (order by number) - events as before from (
      select number, events from audit_seal where number > c.seal order by number limit 1000) next
  ) fresh where before < p_events;
  if v_last is null then return 'false'; end if;
  insert into remote_telling (service, booking_id, kind, version, next_at, created_at)
  select p_service, e.booking_id, telling_kind(p_service, e.from_state, e.to_state), e.version, v_now, v_now
  -- the offset keeps the order: seal by seal, each by the index over transactions
  from (select bound_from, bound_to, first_id from audit_seal where number > c.seal and number <= v_last order by number) s
  cross join lateral (
    select * from audit_event where xid >= s.bound_from and xid < s.bound_to and id + 0 >= s.first_id offset 0) e
  where e.booking_id is not null and telling_kind(p_service, e.from_state, e.to_state) is not null
  on conflict do nothing;
  update remote_cursor set seal = v_last where service = p_service;
  return to_jsonb(exists (select from audit_seal where number > v_last));
end $$;

-- Hands out what is due, a booking's first telling before its others, each for p_lease. The fence is that of the
-- transition: nobody is held twice from the line, and what comes after it keeps the fence that it had then.
-- Rows are found by where they are and by whole keys, one at a time: plans that were made while the table was empty, as
-- it is most of the time, must not look at all of it after an outage.
-- The booking service has no release: a booking that is refunded before it was ever handed out is not told there at
-- all. Fewer than p_limit are returned only where no more are due, or very many were refunded.
create or replace function due_tellings(p_service text, p_limit integer, p_lease interval) returns jsonb
language plpgsql volatile as $$
declare
  t remote_telling%rowtype;
  b booking%rowtype;
  o offer%rowtype;
  v_due jsonb[] := '{}';
  v_dropped integer;
  v_sent_ago interval;
begin
  for round in 1..20 loop
    v_dropped := 0;
    for t in
      update remote_telling set tries = tries + 1, next_at = clock_timestamp() + p_lease,
        sent_at = coalesce(sent_at, statement_timestamp())
      where ctid = any (array(
        select d.ctid from remote_telling d
        where d.service = p_service and d.state = 'due' and d.next_at <= statement_timestamp()
          -- the state is compared in a way that the index of what is due does not fit
          and d.version = (select min(e.version) from remote_telling e
            where e.service = d.service and e.booking_id = d.booking_id and e.state || '' = 'due')
        order by d.next_at limit p_limit - cardinality(v_due) for no key update of d skip locked))
      returning *
    loop
      select * into b from booking where id = t.booking_id;
      -- null: this is the first time
      v_sent_ago := case when t.sent_at <> statement_timestamp() then clock_timestamp() - t.sent_at end;
      if p_service = 'booking' and b.state = 'refunded' and v_sent_ago is null then
        delete from remote_telling where service = p_service and booking_id = t.booking_id and kind = t.kind;
        v_dropped := v_dropped + 1;
        continue;
      end if;
      select * into o from offer where id = b.offer_id;
      v_due := v_due || jsonb_build_object('bookingId', t.booking_id, 'kind', t.kind,
        'fence', case t.kind when 'reserve' then 1 else b.fence end, 'customerId', b.customer_id,
        'isErased', b.erased_at is not null, 'quantity', b.quantity, 'stay', stay_json(b),
        'offer', offer_facts_json(o), 'correlationId', b.correlation_id, 'tries', t.tries, 'refusals', t.refusals,
        'sentAgoMs', floor(extract(epoch from v_sent_ago) * 1000));
    end loop;
    exit when v_dropped = 0;
  end loop;
  return to_jsonb(v_due);
end $$;

-- What became of tellings: told, later (in inMs, perhaps refused by then), or set aside. What was not sent at its first
-- try (unsentTry) counts as never sent, unless somebody else has got it since. Repeating it changes nothing but a time.
-- RETURNS how many there still were.
create or replace function end_tellings(p_service text, p_ends jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  e record;
  v_now timestamptz := clock_timestamp();
  v_count integer := 0;
begin
  -- in one order, whoever else ends some of them
  for e in
    select * from jsonb_to_recordset(p_ends) as e ("bookingId" uuid, kind text, outcome text, "inMs" integer,
      "isRefusal" boolean, "unsentTry" integer, reason text) order by "bookingId", kind
  loop
    if e.outcome = 'told' then
      delete from remote_telling where service = p_service and booking_id = e."bookingId" and kind = e.kind;
    else
      update remote_telling set
        state = case e.outcome when 'refused' then 'refused' else 'due' end,
        next_at = v_now + make_interval(secs => e."inMs" / 1000.0),
        refusals = refusals + coalesce(e."isRefusal", false)::integer,
        sent_at = case when tries = e."unsentTry" then null else sent_at end,
        reason = e.reason
      where service = p_service and booking_id = e."bookingId" and kind = e.kind and state || '' = 'due';
    end if;
    if not found then continue; end if;
    v_count := v_count + 1;
    if e.outcome = 'refused' then
      perform write_audit(v_now, b.offer_id, b.id, 'remote.refused', null, null, null, null, b.quantity, p_actor,
        jsonb_build_object('service', p_service, 'kind', e.kind, 'reason', e.reason))
      from booking b where b.id = e."bookingId";
    end if;
  end loop;
  return to_jsonb(v_count);
end $$;

-- How many tellings there are by service and state, and for how many seconds the oldest has waited.
create or replace function telling_backlog() returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('service', service, 'state', state, 'tellings', tellings,
    'oldestSeconds', oldest)), '[]')
  from (
    select service, state, count(*) as tellings, extract(epoch from clock_timestamp() - min(created_at)) as oldest
    from remote_telling group by service, state
  ) counted
$$;

-- Offers that open within p_ahead, or have opened since, and that nobody was asked about for this opening; each is put
-- off for its next try, longer each time, by this very call. Nobody asks any more an hour after the opening.
create or replace function due_questions(p_ahead interval, p_limit integer) returns jsonb
language plpgsql volatile as $$
declare
  v_now timestamptz := clock_timestamp();
  v_due jsonb;
begin
  insert into remote_question (offer_id, opens_at, next_at)
  select o.id, coalesce(o.opens_at, o.created_at), v_now from offer o
  where coalesce(o.opens_at, o.created_at) between v_now - interval '1 hour' and v_now + p_ahead
    and o.starts_at > v_now and (o.closes_at is null or o.closes_at > v_now)
    and (select q.opens_at from remote_question q where q.offer_id = o.id)
      is distinct from coalesce(o.opens_at, o.created_at)
  on conflict (offer_id) do update set opens_at = excluded.opens_at, tries = 0, next_at = excluded.next_at
  where remote_question.opens_at <> excluded.opens_at;
  with due as (
    update remote_question set tries = tries + 1,
      next_at = case when v_now < opens_at + interval '1 hour'
        then v_now + make_interval(secs => least(60, power(2, least(tries, 6)))) end
    where ctid = any (array(select ctid from remote_question where next_at <= v_now
      order by next_at limit p_limit for no key update skip locked))
    returning *
  )
  select coalesce(jsonb_agg(jsonb_build_object('offerId', offer_id, 'opensAt', iso(opens_at), 'tries', tries)), '[]')
  into v_due from due;
  return v_due;
end $$;

-- The answer about an offer, into the audit log: once for each opening. RETURNS whether it is the first.
create or replace function record_answer(p_offer text, p_opens_at timestamptz, p_detail jsonb, p_actor jsonb)
returns jsonb
language plpgsql volatile as $$
begin
  update remote_question set next_at = null
  where offer_id = p_offer and iso(opens_at) = iso(p_opens_at) and next_at is not null;
  if not found then return 'false'; end if;
  perform write_audit(clock_timestamp(), p_offer, null, 'remote.check', null, null, null, null, null, p_actor, p_detail);
  return 'true';
end $$;
`;

/** Services that are told of bookings. */
export const TOLD_SERVICES = ['ticket', 'booking'] as const;
export type ToldService = (typeof TOLD_SERVICES)[number];

/** `reserve`: units are held for it. `confirm`: they are sold. `release`: they are back on sale. */
export type TellingKind = 'reserve' | 'confirm' | 'release';

export interface Telling {
  readonly bookingId: string;
  readonly kind: TellingKind;
  readonly fence: number;
  /** Where it is erased, nobody's. */
  readonly customerId: string;
  readonly isErased: boolean;
  readonly quantity: number;
  readonly stay: Stay | null;
  readonly offer: OfferFacts;
  readonly correlationId: string;
  /** This one included. */
  readonly tries: number;
  readonly refusals: number;
  /** Since it was first handed out, and from then on perhaps sent; null: it never was. */
  readonly sentAgoMs: number | null;
}

/** What became of a telling that was handed out. */
export type TellingEnd = Pick<Telling, 'bookingId' | 'kind'> &
  (
    | { readonly outcome: 'told' }
    | {
        readonly outcome: 'later';
        readonly inMs: number;
        /** It was answered with a no. */
        readonly isRefusal: boolean;
        /** The try that was its first, where nothing at all was sent at it; else null. */
        readonly unsentTry: number | null;
        readonly reason: string;
      }
    /** Set aside. */
    | { readonly outcome: 'refused'; readonly inMs: 0; readonly isRefusal: true; readonly reason: string }
  );

export interface TellingBacklog {
  readonly service: ToldService;
  readonly state: 'due' | 'refused';
  readonly tellings: number;
  readonly oldestSeconds: number;
}

/** An offer to ask about. */
export interface DueQuestion {
  readonly offerId: string;
  /** When it opens or has opened, ISO 8601; where it names no time, when it was created. */
  readonly opensAt: string;
  readonly tries: number;
}

/** One call takes no longer for it, however much there is to catch up with. */
const EVENTS_PER_CALL = 10_000;

/** Turns sealed events into tellings; true where there is more to turn. Any number of processes may call it at once. */
export function gatherTellings(
  db: Database,
  service: ToldService,
  events = EVENTS_PER_CALL,
): Promise<boolean> {
  return callJson<boolean>(db, 'gather_tellings', [service, events]);
}

/** Tellings to be told now; each is this caller's for the lease. */
export function dueTellings(
  db: Database,
  service: ToldService,
  limit: number,
  leaseMs: number,
): Promise<Telling[]> {
  return callJson<Telling[]>(db, 'due_tellings', [service, limit, `${leaseMs} milliseconds`]);
}

export function endTellings(
  db: Database,
  service: ToldService,
  ends: readonly TellingEnd[],
  actor: Actor,
): Promise<number> {
  return callJson<number>(db, 'end_tellings', [service, JSON.stringify(ends), actor]);
}

export function tellingBacklog(db: Database): Promise<TellingBacklog[]> {
  return callJson<TellingBacklog[]>(db, 'telling_backlog', []);
}

/** Offers to ask about now; each is put off for its next try by this very call. */
export function dueQuestions(db: Database, aheadMs: number, limit: number): Promise<DueQuestion[]> {
  return callJson<DueQuestion[]>(db, 'due_questions', [`${aheadMs} milliseconds`, limit]);
}

/** Asks no more for this opening; true for the first answer. */
export function recordAnswer(
  db: Database,
  question: DueQuestion,
  detail: Readonly<Record<string, unknown>>,
  actor: Actor,
): Promise<boolean> {
  return callJson<boolean>(db, 'record_answer', [question.offerId, question.opensAt, detail, actor]);
}
