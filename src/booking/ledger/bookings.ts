import type { Booking } from '../booking.js';
import type { Database } from '../../database/database.js';
import type { Ticket } from './types.js';
import { callJson } from './call.js';

/** Reads of bookings. */
export const sql = /* sql */ `
create or replace function read_booking(p_id uuid) returns jsonb
language sql stable as $$
  select jsonb_build_object('booking', booking_json(b, l), 'tickets', tickets_json(b.id), 'now', iso(clock_timestamp()),
    'lineVersion', l.version)
  from booking b join booking_line l on l.offer_id = b.offer_id where b.id = p_id
$$;

create or replace function read_bookings(p_ids uuid[]) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('booking', booking_json(b, l), 'tickets', tickets_json(b.id), 'now', iso(clock_timestamp()), 'lineVersion', l.version)), '[]')
  from booking b join booking_line l on l.offer_id = b.offer_id where b.id = any (p_ids)
$$;

-- A customer's own, newest first; ids are made in the order of time.
create or replace function bookings_of(p_customer text, p_before uuid, p_limit integer) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object('booking', booking_json(b, l), 'tickets', tickets_json(b.id), 'now', iso(clock_timestamp()), 'lineVersion', l.version) order by b.id desc), '[]')
  from (
    select * from booking where customer_id = p_customer and (p_before is null or id < p_before)
    order by id desc limit p_limit
  ) page join booking b using (id) join booking_line l on l.offer_id = b.offer_id
$$;

-- All bookings, for an export: offer by offer, in the order of their lines; those after p_after. A booking never
-- changes its place, and none comes to be before one that is there: each is met once, whatever happens meanwhile.
create or replace function export_bookings(p_offer text, p_after uuid, p_limit integer) returns jsonb
language plpgsql stable as $$
declare
  v_offer text := coalesce(p_offer, '');
  v_seq bigint := 0;
begin
  if p_after is not null then
    select offer_id, seq into v_offer, v_seq from booking where id = p_after and (p_offer is null or offer_id = p_offer);
    if not found then perform refuse('BOOKING_NOT_FOUND'); end if;
  end if;
  return (
    select coalesce(jsonb_agg(booking_json(b, l) order by b.offer_id, b.seq), '[]')
    from (
      select * from booking where (offer_id, seq) > (v_offer, v_seq) and (p_offer is null or offer_id = p_offer)
      order by offer_id, seq limit p_limit
    ) page join booking b using (id) join booking_line l on l.offer_id = b.offer_id
  );
end $$;

create or replace function read_document(p_id uuid) returns table (pdf bytea)
language sql stable as $$
  select pdf from booking_document d join booking b on b.id = d.booking_id
  where booking_id = p_id and b.state <> 'refunded'
$$;
`;

/** A booking and the tickets issued for it. */
export interface BookingWithTickets {
  readonly booking: Booking;
  readonly tickets: readonly Ticket[];
  /** Of its line when it was read. */
  readonly lineVersion: number;
  /** When it was read, by the database's clock. */
  readonly now: string;
}

export function booking(db: Database, bookingId: string): Promise<BookingWithTickets | null> {
  return callJson<BookingWithTickets | null>(db, 'read_booking', [bookingId]);
}

/** In no order; absent ones are left out. */
export function bookings(db: Database, bookingIds: readonly string[]): Promise<BookingWithTickets[]> {
  return callJson<BookingWithTickets[]>(db, 'read_bookings', [bookingIds]);
}

/** Newest first, those older than the id `before`. */
export function bookingsOf(
  db: Database,
  customerId: string,
  before: string | null,
  limit: number,
): Promise<BookingWithTickets[]> {
  return callJson<BookingWithTickets[]>(db, 'bookings_of', [customerId, before, limit]);
}

/**
 * Every booking by pages: offer by offer, in the order of their lines.
 * @throws AppError BOOKING_NOT_FOUND where `after` names none, or one of another offer
 */
export function exportBookings(
  db: Database,
  offerId: string | null,
  after: string | null,
  limit: number,
): Promise<Booking[]> {
  return callJson<Booking[]>(db, 'export_bookings', [offerId, after, limit]);
}

const readDocument = { name: 'read_document', text: 'select pdf from read_document($1)' };

/** The PDF as the pdf step made it; null where there is none, or it was revoked. */
export async function documentOf(db: Database, bookingId: string): Promise<Buffer | null> {
  const [row] = await db.call<{ pdf: Buffer }>(readDocument, [bookingId]);
  return row?.pdf ?? null;
}
