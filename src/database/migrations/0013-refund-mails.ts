/** Whoever is given a booking's money back is told by mail as well. */
export const sql = /* sql */ `
alter table mail drop constraint mail_kind_check,
  add constraint mail_kind_check check (kind in ('your_turn', 'expired', 'sold_out', 'refunded'));
`;
