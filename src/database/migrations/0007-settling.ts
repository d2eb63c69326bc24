/** Attempts whose outcome cannot be had for now wait for their next try, each for itself, and keep nobody's turn. */
export const sql = /* sql */ `
alter table payment_attempt
  add column settle_tries integer not null default 0,
  -- null: nobody has asked the provider for its end yet
  add column settle_at timestamptz;
`;
