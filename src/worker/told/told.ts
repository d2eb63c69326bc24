import type { Telling } from '../../booking/ledger/tellings.js';
import type { RemoteState } from '../../remote/remotes.js';

/** How a telling was taken. */
export type Reception =
  | { readonly kind: 'told' }
  /** It has to wait for something there; it is told again. */
  | { readonly kind: 'not-yet'; readonly reason: string }
  /** Perhaps it is taken later. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It cannot be told any more: somebody has to look. */
  | { readonly kind: 'too-late'; readonly reason: string };

/** Somebody who is told what becomes of bookings. */
export interface Told {
  /** Nobody is told anything while it is `down`, one telling goes out while it is `trying`. */
  readonly state: RemoteState;
  /** Longest time that one telling can take, in ms. */
  readonly patienceMs: number;
  /**
   * Resolves when it is known there. Told again, late or by two at once, it is the same telling.
   * @throws RemoteError where nobody knows, or it was not let in; `NOT_CALLED` only where nothing at all was sent
   */
  tell(telling: Telling, signal: AbortSignal): Promise<Reception>;
}
