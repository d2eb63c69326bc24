/**
 * What the processes tell each other of those who use much of a limit. Unlogged: after a crash of the database everybody
 * begins anew, and no limit costs a write to the log.
 */
export const sql = /* sql */ `
create unlogged table rate_limit (
  -- a keyed digest of the limit and of whom it counts
  key      text collate "C" primary key,
  -- every request puts it off; how far it lies ahead is what has been used
  empty_at timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
`;
