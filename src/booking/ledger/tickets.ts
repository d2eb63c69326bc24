import type { Actor } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { RequestKey, TicketStatus } from './types.js';
import { callJson, ownKey } from './call.js';

/** Tickets at the door, and vouchers at the reception. */
export const sql = /* sql */ `
create or replace function ticket_json(t ticket) returns jsonb
language sql stable as $$
  select jsonb_build_object('code', t.code, 'valid', t.state = 'issued', 'state', t.state, 'bookingId', t.booking_id,
    'number', t.number, 'quantity', b.quantity, 'kind', o.kind, 'title', o.title,
    'startsAt', iso(coalesce(b.check_in, o.starts_at)), 'redeemedAt', iso(t.redeemed_at))
    || case o.kind
      when 'ticket' then jsonb_build_object('ticketType', o.unit_type)
      else jsonb_build_object('roomType', o.unit_type, 'stay', stay_json(b) - 'begins')
    end
  from booking b join offer o on o.id = b.offer_id where b.id = t.booking_id
$$;

create or replace function read_ticket(p_id uuid) returns jsonb
language sql stable as $$
  select ticket_json(t) from ticket t where id = p_id
$$;

-- issued → redeemed, once. RETURNS null where there is none. Refuses TICKET_ALREADY_REDEEMED, TICKET_REVOKED.
create or replace function redeem_ticket(p_id uuid, p_key jsonb, p_actor jsonb) returns jsonb
language plpgsql volatile as $$
declare
  t ticket%rowtype;
  v_now timestamptz := clock_timestamp();
  v_known jsonb;
begin
  select * into t from ticket where id = p_id for no key update;
  if not found then return null; end if;
  v_known := claim_key(p_key, v_now);
  if v_known is not null then return v_known; end if;
  if t.state = 'revoked' then perform refuse('TICKET_REVOKED'); end if;
  if t.state = 'redeemed' then
    perform refuse('TICKET_ALREADY_REDEEMED', jsonb_build_object('redeemedAt', iso(t.redeemed_at)));
  end if;
  update ticket set state = 'redeemed', redeemed_at = v_now, redeemed_by = p_actor->>'id' where id = p_id returning * into t;
  perform write_audit(v_now, (select offer_id from booking where id = t.booking_id), t.booking_id, 'ticket.redeem',
    null, null, null, null, 1, p_actor, jsonb_build_object('ticketId', t.id));
  return store_response(p_key, ticket_json(t));
end $$;
`;

/** Null where there is no such ticket. */
export function ticket(db: Database, ticketId: string): Promise<TicketStatus | null> {
  return callJson<TicketStatus | null>(db, 'read_ticket', [ticketId]);
}

/**
 * Null where there is no such ticket.
 * @throws AppError TICKET_ALREADY_REDEEMED, TICKET_REVOKED, IDEMPOTENCY_KEY_REUSED
 */
export function redeem(
  db: Database,
  ticketId: string,
  key: RequestKey | null,
  actor: Actor,
): Promise<TicketStatus | null> {
  return callJson<TicketStatus | null>(db, 'redeem_ticket', [ticketId, key ?? ownKey('redeem'), actor]);
}
