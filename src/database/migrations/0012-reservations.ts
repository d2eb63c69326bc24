/**
 * Units that another system sells through a line of its own, as it tells of them. In `stock` they are held while they
 * are reserved and sold once they are confirmed, beside those of bookings here.
 */
export const sql = /* sql */ `
create table reservation (
  -- who keeps the booking
  service    text not null,
  -- as they name it
  booking_id text not null,
  -- -1 within the transaction that claims it, before anything is known of it
  fence      bigint not null,
  state      text not null check (state in ('reserved', 'confirmed', 'released')),
  offer_id   text collate "C" not null references offer,
  quantity   integer not null check (quantity > 0),
  -- of rooms, both included
  first_night date,
  last_night  date,
  changed_at timestamptz not null,
  primary key (service, booking_id)
);
create index reservation_live on reservation (offer_id) where state <> 'released';
`;
