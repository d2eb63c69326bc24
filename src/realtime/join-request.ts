import { isId } from '../common/ids.js';
import { MAX_TOKEN_LENGTH } from '../security/authentication.js';

export interface JoinRequest {
  readonly bookingId: string;
  /** 0 where the client has seen none. */
  readonly version: number;
}

/** What a client sent as `join`, or null where that is not one. */
export function parseJoin(payload: unknown): JoinRequest | null {
  if (typeof payload !== 'object' || payload === null) return null;
  const bookingId: unknown = Reflect.get(payload, 'bookingId');
  const version: unknown = Reflect.get(payload, 'version') ?? 0;
  if (typeof bookingId !== 'string' || !isId(bookingId)) return null;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) return null;
  return { bookingId, version };
}

/** The token of a handshake; null where there is none that could be one. */
export function tokenOf(auth: unknown): string | null {
  if (typeof auth !== 'object' || auth === null) return null;
  const token: unknown = Reflect.get(auth, 'token');
  return typeof token === 'string' && token !== '' && token.length <= MAX_TOKEN_LENGTH ? token : null;
}
