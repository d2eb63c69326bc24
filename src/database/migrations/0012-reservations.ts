/**
 * Units that another system sells through a line of its own, as it tells of them. While they are reserved or confirmed
 * they are no capacity of the line here: `stock` counts what is sold here alone.
 */
export const sql = /* sql */ `
create table reservation (
  -- who keeps the booking
  service    text not null,
  -- as they name it
  booking_id text not null,
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
`;
