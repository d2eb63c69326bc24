/**
 * Terms of cancellation. A row for each time that an offer's terms were set: which of them a booking was accepted
 * under follows from its `accepted_version`, without a column more in the row that everybody's acceptance writes.
 */
export const sql = /* sql */ `
create table offer_terms (
  offer_id           text collate "C" not null references offer,
  -- the line's version that set them: they are those of whoever is accepted at a higher one
  since_version      bigint not null,
  refundable         boolean not null,
  -- before the event or the stay begins; null where nothing is refundable
  refund_until_hours integer check (refund_until_hours >= 0),
  primary key (offer_id, since_version),
  check (refundable = (refund_until_hours is not null))
);
`;
