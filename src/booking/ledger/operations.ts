import type { Database } from '../../database/database.js';
import type { Actor } from '../booking.js';
import { callJson } from './call.js';

/** What operators do outside the ledger, or only read, for its audit log alone. */
export const sql = /* sql */ `
create or replace function note_operation(p_action text, p_booking uuid, p_actor jsonb, p_detail jsonb) returns jsonb
language sql volatile as $$
  select write_audit(clock_timestamp(), (select offer_id from booking where id = p_booking), p_booking, p_action,
    null, null, null, null, null, p_actor, p_detail);
  select 'true'::jsonb
$$;
`;

/**
 * `queue.board`: a change that was asked of the queue's own board. `export`: of all bookings, with who they are.
 * `document.read`: an operator took a customer's tickets. `erasure`: a customer was forgotten.
 * `line.work`: a service asked for the work of a worker.
 */
export type Operation = 'queue.board' | 'export' | 'document.read' | 'erasure' | 'line.work';

/** Never personal data: what is noted stays. */
export type OperationDetail = Readonly<Record<string, string | number | null>>;

/** Resolves when it is in the audit log. After a lost answer it may be there twice. */
export async function noteOperation(
  db: Database,
  operation: Operation,
  bookingId: string | null,
  actor: Actor,
  detail: OperationDetail,
): Promise<void> {
  await callJson<true>(db, 'note_operation', [operation, bookingId, actor, detail]);
}
