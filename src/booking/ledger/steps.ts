import type { Actor, StepName } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { DeadLetter, Fulfilment, Moved, RequestKey, Ticket } from './types.js';
import { callJson, ownKey } from './call.js';

/** Checkpoints of fulfilment, its end, and what failed for good. A refund is in `refund.ts`. */
export const sql = /* sql */ `
create or replace function offer_facts_json(o offer) returns jsonb
language sql stable as $$
  select jsonb_build_object('id', o.id, 'kind', o.kind, 'title', o.title, 'venue', o.venue, 'timeZone', o.time_zone)
    || case o.kind
      when 'ticket' then
        jsonb_build_object('eventId', o.group_id, 'ticketType', o.unit_type, 'startsAt', iso(o.starts_at))
      else jsonb_build_object('hotelId', o.group_id, 'roomType', o.unit_type,
        'checkInTime', to_char(o.check_in_time, 'HH24:MI'), 'checkOutTime', to_char(o.check_out_time, 'HH24:MI'))
    end
$$;

create or replace function tickets_json(p_id uuid) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('ticketId', id, 'code', code, 'number', number) order by number), '[]')
  from ticket where booking_id = p_id and state <> 'revoked'
$$;

create or replace function fulfilment_json(p_id uuid) returns jsonb
language sql stable as $$
  select jsonb_build_object('booking', booking_json(b, l), 'offer', offer_facts_json(o),
    'attempt', (select attempt_json(a) from payment_attempt a where a.booking_id = b.id and a.fence = b.fence),
    'succeeded', (select coalesce(jsonb_agg(step), '[]') from booking_step where booking_id = b.id),
    'tickets', tickets_json(b.id),
    'dead', exists (select from dead_letter d where d.booking_id = b.id and d.state = 'open'))
  from booking b join booking_line l on l.offer_id = b.offer_id join offer o on o.id = b.offer_id
  where b.id = p_id
$$;

-- What a worker needs to carry a booking on; puts its re-drive off while it works.
-- RETURNS null where there is nothing to do: another state, or an open dead letter.
create or replace function begin_fulfilment(p_id uuid, p_quiet interval) returns jsonb
language plpgsql volatile as $$
begin
  update booking b set redrive_at = clock_timestamp() + p_quiet
  where id = p_id and state in ('paying', 'paid')
    and not exists (select from dead_letter d where d.booking_id = b.id and d.state = 'open');
  if not found then return null; end if;
  return fulfilment_json(p_id);
end $$;

-- Puts the re-drive of bookings off that a worker is at, or that their broker delivers again by itself. A charge that
-- a worker is still waiting for counts as just sent: nobody settles it meanwhile. RETURNS how many bookings.
-- LOCKS bookings, attempts.
create or replace function keep_fulfilments(p_ids uuid[], p_quiet interval) returns jsonb
language sql volatile as $$
  with kept as (
    update booking set redrive_at = clock_timestamp() + p_quiet
    where id in (
      select id from booking where id = any (p_ids) and state in ('paying', 'paid') and redrive_at is not null
      order by seq for no key update)
    returning id, fence
  ),
  under_way as (
    update payment_attempt a set sent_at = clock_timestamp() from kept
    where a.booking_id = kept.id and a.fence = kept.fence and a.state = 'started' and a.sent_at is not null
  )
  select to_jsonb(count(*)) from kept
$$;

-- Records a step of a booking in the state that the step belongs to, once.
-- RETURNS the booking; null where it was recorded before or the state is another.
create or replace function record_step(
  p_id uuid, p_step text, p_states booking_state[], p_progress integer, p_detail jsonb, p_actor jsonb
) returns jsonb
language plpgsql volatile as $$
declare
  b booking%rowtype;
  v_now timestamptz := clock_timestamp();
begin
  select * into b from booking where id = p_id for no key update;
  if not found or not b.state = any (p_states) then return null; end if;
  insert into booking_step (booking_id, step, succeeded_at, detail) values (p_id, p_step, v_now, p_detail)
  on conflict do nothing;
  if not found then return null; end if;
  perform write_audit(v_now, b.offer_id, p_id, 'step.' || p_step, null, null, null, null, null, p_actor, p_detail);
  update booking set progress = greatest(progress, p_progress) where id = p_id returning * into b;
  return (select booking_json(b, l) from booking_line l where l.offer_id = b.offer_id);
end $$;

-- The pdf step: tickets, document and checkpoint together.
create or replace function record_document(p_id uuid, p_tickets jsonb, p_pdf bytea, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  v_booking jsonb := record_step(p_id, 'pdf', '{paid}', 50, null, p_actor);
begin
  if v_booking is null then return null; end if;
  insert into ticket (id, booking_id, number, code, state, issued_at)
  select (t->>'ticketId')::uuid, p_id, (t->>'number')::integer, t->>'code', 'issued', clock_timestamp()
  from jsonb_array_elements(p_tickets) t;
  insert into booking_document (booking_id, pdf) values (p_id, p_pdf);
  return v_booking;
end $$;

-- paid → confirmed: held units become sold. RETURNS null where it is not paid or a step is missing.
-- LOCKS line, stock, booking.
create or replace function confirm_booking(p_id uuid, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  b booking%rowtype;
  v_now timestamptz;
begin
  select booking_line.* into l from booking_line where offer_id = (select offer_id from booking where id = p_id) for no key update;
  if not found then return null; end if;
  perform lock_stock(p_id);
  select * into b from booking where id = p_id for no key update;
  if b.state <> 'paid'
    or (select count(*) from booking_step where booking_id = p_id and step in ('validate', 'payment', 'pdf', 'email')) < 4
  then return null; end if;
  v_now := clock_timestamp();
  insert into booking_step (booking_id, step, succeeded_at) values (p_id, 'inventory', v_now);
  update booking_line set version = version + 1 where offer_id = l.offer_id returning * into l;
  update stock set held = held - b.quantity, paid = paid - b.quantity, sold = sold + b.quantity
  where offer_id = b.offer_id and day between b.first_day and b.last_day;
  update booking set state = 'confirmed', version = l.version, progress = 100, redrive_at = null
  where id = p_id returning * into b;
  perform write_audit(v_now, b.offer_id, b.id, 'confirm', 'paid', 'confirmed', l.version, 1, b.quantity, p_actor, null);
  return jsonb_build_object('bookings', jsonb_build_array(booking_json(b, l)), 'line', line_json(l));
end $$;

-- Bookings whose fulfilment has not advanced: each is put off, longer each time, by this very call. An offer that is
-- paused takes nobody in and grants nothing; whoever was granted goes on.
create or replace function stalled_fulfilments(p_limit integer) returns jsonb
language sql volatile as $$
  with due as (
    update booking set redrives = least(redrives + 1, 32000),
      redrive_at = clock_timestamp() + make_interval(secs => least(600, 10 * power(2, least(redrives, 10))))
    where id in (
      select b.id from booking b
      where b.state in ('paying', 'paid') and b.redrive_at <= statement_timestamp()
        and not exists (select from dead_letter d where d.booking_id = b.id and d.state = 'open')
      order by b.redrive_at limit p_limit for no key update of b skip locked)
    returning id, fence, correlation_id
  )
  select coalesce(jsonb_agg(jsonb_build_object('bookingId', id, 'fence', fence, 'correlationId', correlation_id)), '[]')
  from due
$$;

create or replace function dead_letter_json(d dead_letter) returns jsonb
language sql stable as $$
  select jsonb_build_object('id', d.id, 'bookingId', d.booking_id, 'jobId', d.job_id, 'jobType', d.job_type,
    'fence', d.fence, 'reason', d.reason, 'attempts', d.attempts, 'state', d.state,
    'createdAt', iso(d.created_at), 'resolvedAt', iso(d.resolved_at), 'resolvedBy', d.resolved_by)
$$;

-- A paid booking's fulfilment has failed for good; an operator decides. One open letter a booking.
-- LOCKS booking, letter.
create or replace function open_dead_letter(
  p_id uuid, p_job_id text, p_job_type text, p_reason text, p_attempts integer, p_actor jsonb
) returns jsonb
language plpgsql volatile as $$
declare
  b booking%rowtype;
  d dead_letter%rowtype;
  v_now timestamptz := clock_timestamp();
begin
  select * into b from booking where id = p_id for no key update;
  if not found or b.state <> 'paid' then return null; end if;
  insert into dead_letter (id, booking_id, job_id, job_type, fence, reason, attempts, state, created_at)
  values (gen_random_uuid(), p_id, p_job_id, p_job_type, b.fence, p_reason, p_attempts, 'open', v_now)
  on conflict (booking_id) where state = 'open' do nothing
  returning * into d;
  if not found then return null; end if;
  perform write_audit(v_now, b.offer_id, b.id, 'dead_letter.open', null, null, null, null, null, p_actor,
    jsonb_build_object('reason', p_reason, 'attempts', p_attempts));
  return dead_letter_json(d);
end $$;

-- replayed: the job is due again. discarded: given up, and the money goes back.
-- RETURNS {letter, moved}; null where there is none. Refuses DEAD_LETTER_RESOLVED.
-- LOCKS line, stock, booking, letter: whoever opens a letter has the booking too.
create or replace function resolve_dead_letter(p_id uuid, p_state text, p_key jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  d dead_letter%rowtype;
  b booking%rowtype;
  v_now timestamptz;
  v_moved jsonb;
  v_known jsonb;
begin
  select * into b from booking where id = (select booking_id from dead_letter where id = p_id);
  if not found then return null; end if;
  perform 1 from booking_line where offer_id = b.offer_id for no key update;
  perform lock_stock(b.id);
  perform 1 from booking where id = b.id for no key update;
  select * into d from dead_letter where id = p_id for no key update;
  v_now := clock_timestamp();
  v_known := claim_key(p_key, v_now);
  if v_known is not null then return v_known; end if;
  if d.state <> 'open' then perform refuse('DEAD_LETTER_RESOLVED'); end if;
  update dead_letter set state = p_state, resolved_at = v_now, resolved_by = p_actor->>'id' where id = p_id returning * into d;
  -- Confirmed meanwhile, by a worker that was at it when the letter was written: then there is nothing to give up.
  if p_state = 'discarded' and exists (select from booking where id = d.booking_id and state = 'paid') then
    v_moved := refund_booking(d.booking_id, 'FULFILMENT_FAILED', p_actor);
  else
    update booking set redrive_at = v_now + interval '10 seconds', redrives = 0 where id = d.booking_id and state = 'paid';
  end if;
  select * into b from booking where id = d.booking_id;
  perform write_audit(v_now, b.offer_id, b.id, 'dead_letter.' || p_state, null, null, null, null, null, p_actor, null);
  return store_response(p_key, jsonb_build_object('letter', dead_letter_json(d), 'moved', v_moved,
    'fence', b.fence, 'correlationId', b.correlation_id));
end $$;

create or replace function list_dead_letters(p_state text, p_before timestamptz, p_limit integer) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(dead_letter_json(d) order by d.created_at desc, d.id), '[]') from (
    select * from dead_letter
    where (p_state is null or state = p_state) and (p_before is null or created_at < p_before)
    order by created_at desc, id limit p_limit
  ) page join dead_letter d using (id)
$$;
`;

type RawFulfilment = Omit<Fulfilment, 'succeeded'> & { readonly succeeded: readonly StepName[] };

/** Null where there is nothing to do. The booking is not re-driven for `quietMs`. */
export async function beginFulfilment(
  db: Database,
  bookingId: string,
  quietMs: number,
): Promise<Fulfilment | null> {
  const raw = await callJson<RawFulfilment | null>(db, 'begin_fulfilment', [
    bookingId,
    `${quietMs} milliseconds`,
  ]);
  return raw === null ? null : { ...raw, succeeded: new Set(raw.succeeded) };
}

/**
 * Nobody drives these bookings on for `quietMs` but whoever is at them, and nobody settles the charge that they wait
 * for; the number that are still on their way.
 */
export function keepFulfilments(
  db: Database,
  bookingIds: readonly string[],
  quietMs: number,
): Promise<number> {
  return callJson<number>(db, 'keep_fulfilments', [bookingIds, `${quietMs} milliseconds`]);
}

/** Null where it was recorded before, or the booking has moved on. */
export function recordStep(
  db: Database,
  bookingId: string,
  step: 'validate' | 'email',
  progress: number,
  detail: Readonly<Record<string, unknown>> | null,
  actor: Actor,
): Promise<Moved['bookings'][number] | null> {
  return callJson(db, 'record_step', [
    bookingId,
    step,
    step === 'validate' ? '{paying}' : '{paid}',
    progress,
    detail,
    actor,
  ]);
}

/** The pdf step. Null where it was recorded before, or the booking has moved on. */
export function recordDocument(
  db: Database,
  bookingId: string,
  tickets: readonly Ticket[],
  pdf: Buffer,
  actor: Actor,
): Promise<Moved['bookings'][number] | null> {
  return callJson(db, 'record_document', [bookingId, JSON.stringify(tickets), pdf, actor]);
}

/** paid → confirmed. Null where it is not paid, or a step is missing. */
export function confirm(db: Database, bookingId: string, actor: Actor): Promise<Moved | null> {
  return callJson<Moved | null>(db, 'confirm_booking', [bookingId, actor]);
}

export interface StalledFulfilment {
  readonly bookingId: string;
  readonly fence: number;
  readonly correlationId: string;
}

export function stalledFulfilments(db: Database, limit: number): Promise<StalledFulfilment[]> {
  return callJson<StalledFulfilment[]>(db, 'stalled_fulfilments', [limit]);
}

/** Null where the booking is not paid or has an open dead letter already. */
export function openDeadLetter(
  db: Database,
  letter: { bookingId: string; jobId: string; jobType: string; reason: string; attempts: number },
  actor: Actor,
): Promise<DeadLetter | null> {
  const { bookingId, jobId, jobType, reason, attempts } = letter;
  return callJson<DeadLetter | null>(db, 'open_dead_letter', [
    bookingId,
    jobId,
    jobType,
    reason,
    attempts,
    actor,
  ]);
}

export interface ResolvedDeadLetter {
  readonly letter: DeadLetter;
  /** The refund that a discard brought; null after a replay. */
  readonly moved: Moved | null;
  readonly fence: number;
  readonly correlationId: string;
}

/**
 * Null where there is no such letter.
 * @throws AppError DEAD_LETTER_RESOLVED
 */
export function resolveDeadLetter(
  db: Database,
  id: string,
  state: 'replayed' | 'discarded',
  key: RequestKey | null,
  actor: Actor,
): Promise<ResolvedDeadLetter | null> {
  return callJson<ResolvedDeadLetter | null>(db, 'resolve_dead_letter', [
    id,
    state,
    key ?? ownKey('dead-letter'),
    actor,
  ]);
}

/** Newest first. */
export function listDeadLetters(
  db: Database,
  state: DeadLetter['state'] | null,
  before: string | null,
  limit: number,
): Promise<DeadLetter[]> {
  return callJson<DeadLetter[]>(db, 'list_dead_letters', [state, before, limit]);
}
