import type { Database } from '../../database/database.js';
import type { Actor } from '../booking.js';
import { callJson } from './call.js';

/** What operators do outside the ledger, for its audit log alone. */
export const sql = /* sql */ `
create or replace function note_operation(p_action text, p_actor jsonb, p_detail jsonb) returns jsonb
language sql volatile as $$
  select write_audit(clock_timestamp(), null, null, p_action, null, null, null, null, null, p_actor, p_detail);
  select 'true'::jsonb
$$;
`;

/** `queue.board`: a change that was asked of the queue's own board. */
export type Operation = 'queue.board';

/** Resolves when it is in the audit log. After a lost answer it may be there twice. */
export async function noteOperation(
  db: Database,
  operation: Operation,
  actor: Actor,
  detail: Readonly<Record<string, string>>,
): Promise<void> {
  await callJson<true>(db, 'note_operation', [operation, actor, detail]);
}
