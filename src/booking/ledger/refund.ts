import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { Refunded, RequestKey } from './types.js';
import { callJson, ownKey } from './call.js';

/** Giving a booking back that was paid for: by an operator, by its terms, or because its fulfilment failed for good. */
export const sql = /* sql */ `
-- paid or confirmed → refunded: units back on sale, tickets revoked, the charge to be given back; an open dead letter
-- of it has nothing left to decide. RETURNS null where it is in another state.
-- LOCKS line, stock, booking, letter, tickets.
create or replace function refund_booking(p_id uuid, p_reason text, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  b booking%rowtype;
  a payment_attempt%rowtype;
  v_from booking_state;
  v_now timestamptz;
  v_letter boolean;
begin
  select booking_line.* into l from booking_line where offer_id = (select offer_id from booking where id = p_id) for no key update;
  if not found then return null; end if;
  perform lock_stock(p_id);
  select * into b from booking where id = p_id for no key update;
  v_from := b.state;
  if b.state not in ('paid', 'confirmed') then return null; end if;
  v_now := clock_timestamp();
  select * into a from payment_attempt where booking_id = p_id and state = 'captured' order by fence desc limit 1;
  update booking_line set version = version + 1, wanted = wanted + 1 where offer_id = l.offer_id returning * into l;
  update stock set
    available = available + b.quantity,
    released = true,
    held = held - case when v_from = 'paid' then b.quantity else 0 end,
    paid = paid - case when v_from = 'paid' then b.quantity else 0 end,
    sold = sold - case when v_from = 'confirmed' then b.quantity else 0 end
  where offer_id = b.offer_id and day between b.first_day and b.last_day;
  update booking set state = 'refunded', version = l.version, reason = p_reason, redrive_at = null
  where id = p_id returning * into b;
  update dead_letter set state = 'discarded', resolved_at = v_now, resolved_by = p_actor->>'id'
  where booking_id = p_id and state = 'open';
  v_letter := found;
  update ticket set state = 'revoked' where booking_id = p_id;
  perform write_audit(v_now, b.offer_id, b.id, 'refund', v_from, 'refunded', l.version, 1, b.quantity, p_actor,
    jsonb_build_object('reason', p_reason));
  if v_letter then
    perform write_audit(v_now, b.offer_id, b.id, 'dead_letter.discarded', null, null, null, null, null, p_actor, null);
  end if;
  perform open_refund(b, a, p_reason, v_now, p_actor);
  if b.email is not null then
    insert into mail (booking_id, kind, fence, next_at) values (p_id, 'refunded', b.fence, v_now);
  end if;
  return jsonb_build_object('bookings', jsonb_build_array(booking_json(b, l)), 'line', line_json(l), 'letter', v_letter);
end $$;

-- The same on request. By its terms (p_by_terms) a booking is given back as it was agreed on its acceptance; p_force
-- gives back one whose ticket has let somebody in already.
-- RETURNS null where there is no such booking. Refuses with a code. LOCKS line, stock, booking, key, tickets.
create or replace function refund_on_request(
  p_id uuid, p_reason text, p_by_terms boolean, p_force boolean, p_key jsonb, p_actor jsonb
) returns jsonb
language plpgsql volatile as $$
declare
  l booking_line%rowtype;
  b booking%rowtype;
  v_now timestamptz;
  v_terms jsonb;
  v_used timestamptz;
  v_known jsonb;
begin
  select booking_line.* into l from booking_line where offer_id = (select offer_id from booking where id = p_id) for no key update;
  if not found then return null; end if;
  perform lock_stock(p_id);
  select * into b from booking where id = p_id for no key update;
  v_now := clock_timestamp();
  v_known := claim_key(p_key, v_now);
  if v_known is not null then return v_known; end if;

  if b.state = 'paying' then perform refuse('PAYMENT_IN_PROGRESS'); end if;
  if b.state in ('waiting', 'held') and not is_covered(b, l) then perform refuse('NOT_PAID'); end if;
  if b.state not in ('paid', 'confirmed') then perform refuse('ALREADY_SETTLED'); end if;
  -- A scan at the door takes its ticket alone: whoever comes second sees what the first did.
  perform 1 from ticket where booking_id = p_id order by number for no key update;
  if p_by_terms then
    v_terms := booking_terms_json(b);
    if not (v_terms->>'refundable')::boolean or (v_terms->>'refundableUntil')::timestamptz <= v_now then
      perform refuse('NOT_REFUNDABLE', v_terms || jsonb_build_object('serverTime', iso(v_now)));
    end if;
  end if;
  select min(redeemed_at) into v_used from ticket where booking_id = p_id and state = 'redeemed';
  if v_used is not null and not p_force then
    perform refuse('TICKET_ALREADY_REDEEMED', jsonb_build_object('redeemedAt', iso(v_used)));
  end if;
  return store_response(p_key, refund_booking(p_id, p_reason, p_actor));
end $$;
`;

/**
 * paid or confirmed → refunded, by an operator. Null where there is no such booking.
 * @param force also where one of its tickets has been used
 * @throws AppError NOT_PAID, PAYMENT_IN_PROGRESS, ALREADY_SETTLED, TICKET_ALREADY_REDEEMED, IDEMPOTENCY_KEY_REUSED
 */
export function refund(
  db: Database,
  bookingId: string,
  reason: string,
  force: boolean,
  key: RequestKey | null,
  actor: Actor,
): Promise<Refunded | null> {
  return callJson<Refunded | null>(db, 'refund_on_request', [
    ...[bookingId, reason, false, force],
    ...[key ?? ownKey('refund'), actor],
  ]);
}

/**
 * paid or confirmed → refunded, in full, where the terms of its acceptance allow it. Null where there is no such
 * booking.
 * @throws AppError NOT_REFUNDABLE with the terms, NOT_PAID, PAYMENT_IN_PROGRESS, ALREADY_SETTLED,
 * TICKET_ALREADY_REDEEMED
 */
export function refundByTerms(db: Database, bookingId: string, actor: Actor): Promise<Refunded | null> {
  return callJson<Refunded | null>(db, 'refund_on_request', [
    ...[bookingId, 'BY_CUSTOMER', true, false],
    ...[ownKey('refund'), actor],
  ]);
}
