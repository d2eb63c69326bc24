import type { FastifyRequest } from 'fastify';
import { AppError } from '../../common/errors.js';
import { clientAddress } from '../../security/client-address.js';
import type { Identity } from '../../security/identity.js';
import type { Actor } from '../booking.js';

/** Printable ASCII, as a header can carry it. */
const KEY = /^[\x21-\x7e]{1,200}$/;

/** Of every POST, as the OpenAPI document has it. */
export const KEY_HEADER = {
  name: 'Idempotency-Key',
  required: false,
  description: 'Kept for 24 h: the same key and body gives the same answer, and nothing is done twice.',
  schema: { type: 'string' as const, pattern: KEY.source },
};

/** The `Idempotency-Key` of a request, or null. */
export function idempotencyKey(request: FastifyRequest): string | null {
  return checkedKey(request.headers['idempotency-key']);
}

/** @throws AppError `IDEMPOTENCY_KEY_INVALID` */
export function checkedKey(key: string | string[] | undefined): string | null {
  if (key === undefined) return null;
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new AppError(
      'IDEMPOTENCY_KEY_INVALID',
      'An Idempotency-Key has 1 to 200 printable characters and no space',
    );
  }
  return key;
}

/** Who does it, for the audit log. */
export const actorOf = (request: FastifyRequest, who: Pick<Actor, 'kind' | 'id'>): Actor => ({
  kind: who.kind,
  id: who.id,
  address: clientAddress(request),
  correlationId: request.id,
});

/** The actor behind an identity that may open a booking or is an operator. */
export const callerOf = (request: FastifyRequest, identity: Identity): Actor =>
  actorOf(request, behind(identity));

/** Who an identity is to the audit log. */
export function behind(identity: Identity): Pick<Actor, 'kind' | 'id'> {
  switch (identity.kind) {
    case 'operator':
      return { kind: 'operator', id: identity.userId };
    case 'customer':
      return { kind: 'customer', id: identity.userId };
    case 'booking':
      return { kind: 'customer', id: `booking:${identity.bookingId}` };
    case 'service':
      return { kind: 'service', id: identity.name };
    case 'anonymous':
      return { kind: 'customer', id: 'anonymous' };
  }
}
