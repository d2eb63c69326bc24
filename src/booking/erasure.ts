import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../common/errors.js';
import type { Actor } from './booking.js';
import type { Ledger } from './ledger/ledger.js';

/** A restored ledger begins a new epoch of its audit chain before anything is erased: the sealer needs a moment. */
const TRIES = 20;
const WAIT_MS = 100;

/**
 * Forgets a customer: in the ledger by the time it resolves, in the outbox and at the sandbox's bank a few seconds
 * later. Safe to repeat. Gives the number of bookings.
 * @throws AppError BOOKINGS_OPEN where one is not over; UNAVAILABLE while a restored ledger has not been sealed
 */
export async function forgetCustomer(
  ledger: Pick<Ledger, 'eraseCustomer' | 'seal' | 'noteOperation'>,
  customerId: string,
  actor: Actor,
): Promise<number> {
  let bookings = 0;
  for (let waits = 0; ;) {
    const { erased, left } = await ledger.eraseCustomer(customerId, actor);
    bookings += erased;
    if (left === 0) break;
    if (erased > 0) continue;
    if (++waits > TRIES) {
      throw new AppError('UNAVAILABLE', 'The audit log has not been sealed yet', { retryAfterSeconds: 1 });
    }
    await ledger.seal();
    await sleep(WAIT_MS);
  }
  await ledger.noteOperation('erasure', null, actor, { bookings });
  return bookings;
}
