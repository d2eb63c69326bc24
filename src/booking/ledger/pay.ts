import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { Attempt, ChargeOutcome, Moved, RequestKey } from './types.js';
import { callJson, ownKey } from './call.js';

/**
 * Payment: held → paying with an attempt whose row is committed before the provider is called, and from there
 * wherever the provider's definite answer leads.
 * LOCKS line, stock, booking, key.
 */
export const sql = /* sql */ `
create or replace function attempt_json(a payment_attempt) returns jsonb
language sql stable as $$
  select jsonb_build_object('bookingId', a.booking_id, 'fence', a.fence, 'providerKey', a.provider_key,
    'amount', jsonb_build_object('amountMinor', a.amount_minor, 'currency', a.currency), 'method', a.method,
    'state', a.state, 'startedAt', iso(a.started_at),
    'ageMs', floor(extract(epoch from clock_timestamp() - a.started_at) * 1000))
$$;

-- held → paying. RETURNS the moved booking; null where there is no such booking. Refuses with a code.
create or replace function pay_booking(p_id uuid, p_method text, p_key jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  b booking%rowtype;
  v_now timestamptz;
  v_known jsonb;
begin
  select booking_line.* into l from booking_line where offer_id = (select offer_id from booking where id = p_id) for no key update;
  if not found then return null; end if;
  select * into b from booking where id = p_id for no key update;
  v_now := clock_timestamp();
  v_known := claim_key(p_key, v_now);
  if v_known is not null then return v_known; end if;

  if exists (select from offer where id = l.offer_id and coalesce(b.check_in, starts_at) <= v_now) and b.state = 'held' then
    perform refuse('OFFER_CLOSED');
  end if;
  if b.state = 'paying' then perform refuse('PAYMENT_IN_PROGRESS'); end if;
  if b.state = 'waiting' and not is_covered(b, l) then perform refuse('NOT_HELD'); end if;
  if b.state = 'expired' or (b.state = 'held' and b.deadline <= v_now) then perform refuse('HOLD_EXPIRED'); end if;
  if b.state <> 'held' then perform refuse('ALREADY_SETTLED'); end if;

  update booking_line set version = version + 1 where offer_id = l.offer_id returning * into l;
  update booking set state = 'paying', fence = fence + 1, version = l.version, payment_method = p_method, reason = null,
    redrive_at = v_now + interval '10 seconds', redrives = 0
  where id = p_id returning * into b;
  insert into payment_attempt (booking_id, fence, provider_key, amount_minor, currency, method, state, started_at)
  values (b.id, b.fence, b.id || '-' || b.fence, b.price_minor * b.quantity, b.currency, p_method, 'started', v_now);
  perform write_audit(v_now, b.offer_id, b.id, 'pay', 'held', 'paying', l.version, 1, b.quantity, p_actor, null);
  return store_response(p_key, jsonb_build_object('bookings', jsonb_build_array(booking_json(b, l)), 'line', line_json(l)));
end $$;

-- Marks an attempt as on its way to the provider. RETURNS null where it is definite already, or not the booking's
-- current one: then nothing may be sent.
create or replace function send_attempt(p_id uuid, p_fence integer) returns jsonb
language sql volatile as $$
  update payment_attempt a set sent_at = clock_timestamp()
  from booking b
  where a.booking_id = p_id and a.fence = p_fence and a.state = 'started'
    and b.id = a.booking_id and b.state = 'paying' and b.fence = a.fence
  returning attempt_json(a)
$$;

-- An attempt as it is now. RETURNS null where there is none.
create or replace function attempt_of(p_id uuid, p_fence integer) returns jsonb
language sql stable as $$
  select attempt_json(a) from payment_attempt a where a.booking_id = p_id and a.fence = p_fence
$$;

-- Records the definite outcome of an attempt; repeating it changes nothing. Money that was taken for a booking that
-- no longer waits for it is refunded.
-- RETURNS the booking as it is now; null where there is no such attempt.
create or replace function record_charge(
  p_id uuid, p_fence integer, p_outcome text, p_reason text, p_actor jsonb
) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  b booking%rowtype;
  a payment_attempt%rowtype;
  o offer%rowtype;
  v_now timestamptz;
  v_to booking_state;
  v_moved boolean := false;
begin
  select booking_line.* into l from booking_line where offer_id = (select offer_id from booking where id = p_id) for no key update;
  if not found then return null; end if;
  perform lock_stock(p_id);
  select * into b from booking where id = p_id for no key update;
  select * into a from payment_attempt where booking_id = p_id and fence = p_fence for no key update;
  if not found then return null; end if;
  v_now := clock_timestamp();

  if a.state = 'started' or (a.state <> 'captured' and p_outcome = 'captured') then
    update payment_attempt set state = p_outcome, reason = p_reason, finished_at = v_now
    where booking_id = p_id and fence = p_fence;
    if b.state = 'paying' and b.fence = p_fence and a.state = 'started' then
      select * into o from offer where id = b.offer_id;
      v_to := (case
        when p_outcome = 'captured' then 'paid'
        when b.deadline is null or b.deadline > v_now then 'held'
        else 'expired' end)::booking_state;
      v_moved := true;
      update booking_line set version = version + 1, wanted = wanted + (v_to = 'expired')::integer
      where offer_id = b.offer_id returning * into l;
      update booking set state = v_to, version = l.version,
        fence = fence + (v_to = 'held')::integer,
        -- the time to pay of a method given up front starts to run with its decline
        deadline = case when v_to = 'held' then coalesce(deadline, v_now + make_interval(secs => o.hold_seconds)) end,
        payment_method = case when v_to = 'paid' then payment_method end,
        progress = case when v_to = 'paid' then 20 else 0 end,
        reason = case when v_to <> 'paid' then coalesce(p_reason, 'PAYMENT_DECLINED') end,
        redrive_at = case when v_to = 'paid' then v_now + interval '30 seconds' end,
        redrives = 0
      where id = p_id returning * into b;
      perform write_audit(v_now, b.offer_id, b.id, 'payment.' || p_outcome, 'paying', v_to, l.version, 1, b.quantity,
        p_actor, jsonb_build_object('fence', p_fence, 'reason', p_reason));
      if v_to = 'paid' then
        insert into booking_step (booking_id, step, succeeded_at) values (p_id, 'payment', v_now);
        update stock set paid = paid + b.quantity, tightened = true
        where offer_id = b.offer_id and day between b.first_day and b.last_day;
        perform sell_out_line(b.offer_id, v_now, p_actor);
      elsif v_to = 'expired' then
        perform give_back(b.offer_id, b.first_day, b.last_day, b.quantity);
      end if;
      if b.email is not null and v_to <> 'paid' then
        insert into mail (booking_id, kind, fence, next_at)
        values (p_id, case when v_to = 'held' then 'your_turn' else 'expired' end, b.fence, v_now);
      end if;
    elsif p_outcome = 'captured' then
      perform open_refund(b, a, 'CAPTURED_TOO_LATE', v_now, p_actor);
    end if;
  end if;
  select * into l from booking_line where offer_id = b.offer_id;
  return jsonb_build_object('bookings', jsonb_build_array(booking_json(b, l)), 'line', line_json(l), 'moved', v_moved);
end $$;

-- A refund is a row with a life of its own; one for each charge.
create or replace function open_refund(b booking, a payment_attempt, p_reason text, p_now timestamptz, p_actor jsonb) returns void
language sql volatile as $$
  with opened as (
    insert into refund (id, booking_id, provider_key, refund_key, amount_minor, currency, reason, state, next_at, created_at)
    values (gen_random_uuid(), b.id, a.provider_key, 'refund-' || a.provider_key, a.amount_minor, a.currency, p_reason, 'pending', p_now, p_now)
    on conflict (refund_key) do nothing
    returning 1
  )
  select write_audit(p_now, b.offer_id, b.id, 'refund.open', null, null, null, null, b.quantity, p_actor,
    jsonb_build_object('charge', a.provider_key, 'reason', p_reason))
  from opened;
$$;

-- Attempts that were sent p_quiet ago or longer and have no definite outcome, and any that is 23 h old. Each is put off
-- for its next try, longer each time, by this very call: what cannot be settled for now keeps nobody waiting.
create or replace function unsettled_attempts(p_quiet interval, p_limit integer) returns jsonb
language sql volatile as $$
  with due as (
    update payment_attempt a set settle_tries = settle_tries + 1,
      settle_at = clock_timestamp() + make_interval(secs => least(120, power(2, least(settle_tries + 1, 7))))
    where (booking_id, fence) in (
      select booking_id, fence from payment_attempt
      where state = 'started' and (settle_at is null or settle_at <= statement_timestamp())
        and (sent_at < statement_timestamp() - p_quiet or started_at < statement_timestamp() - interval '23 hours')
      order by coalesce(settle_at, sent_at, started_at) limit p_limit for no key update skip locked)
    returning attempt_json(a) as attempt
  )
  select coalesce(jsonb_agg(attempt), '[]') from due
$$;
`;

/**
 * held → paying. Null where there is no such booking.
 * @throws AppError NOT_HELD, HOLD_EXPIRED, OFFER_CLOSED once the event has begun, PAYMENT_IN_PROGRESS, ALREADY_SETTLED, IDEMPOTENCY_KEY_REUSED
 */
export function pay(
  db: Database,
  bookingId: string,
  method: string,
  key: RequestKey | null,
  actor: Actor,
): Promise<Moved | null> {
  return callJson<Moved | null>(db, 'pay_booking', [bookingId, method, key ?? ownKey('pay'), actor]);
}

/** To be called before each call of the provider; null means: do not send it. */
export function sendAttempt(db: Database, bookingId: string, fence: number): Promise<Attempt | null> {
  return callJson<Attempt | null>(db, 'send_attempt', [bookingId, fence]);
}

export function attemptOf(db: Database, bookingId: string, fence: number): Promise<Attempt | null> {
  return callJson<Attempt | null>(db, 'attempt_of', [bookingId, fence]);
}

/** Records what the provider said for certain; safe to repeat. `moved`: this call changed the booking. */
export function recordCharge(
  db: Database,
  bookingId: string,
  fence: number,
  outcome: ChargeOutcome,
  actor: Actor,
): Promise<(Moved & { moved: boolean }) | null> {
  const reason =
    outcome.kind === 'declined' ? outcome.reason : outcome.kind === 'voided' ? 'PAYMENT_FAILED' : null;
  return callJson(db, 'record_charge', [bookingId, fence, outcome.kind, reason, actor]);
}

/** Attempts to be settled with the provider; each is put off for its next try by this very call. */
export function unsettledAttempts(db: Database, quietMs: number, limit: number): Promise<Attempt[]> {
  return callJson<Attempt[]>(db, 'unsettled_attempts', [`${quietMs} milliseconds`, limit]);
}
