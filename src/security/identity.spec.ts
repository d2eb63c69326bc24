import { AppError } from '../common/errors.js';
import { requireAccess } from './access.js';
import { actingAs, ANONYMOUS, mayOpen, type Identity } from './identity.js';

const customer: Identity = { kind: 'customer', userId: 'ann' };
const operator: Identity = { kind: 'operator', userId: 'op' };
const token: Identity = { kind: 'booking', bookingId: 'b1' };
const service: Identity = { kind: 'service', name: 'gateway' };

/** The code with which this is refused, or that it is not. */
const refusal = (act: () => unknown): string => {
  try {
    act();
    return 'not refused';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
};

describe('booking for a user', () => {
  it('is what the user may do, and an operator for anyone', () => {
    expect(actingAs(customer, 'ann', true)).toEqual({ kind: 'customer', id: 'ann' });
    expect(actingAs(operator, 'ann', true)).toEqual({ kind: 'operator', id: 'op' });
  });

  it('is USER_MISMATCH with the token of another user, whether tokens are required or not', () => {
    for (const required of [true, false]) {
      expect(refusal(() => actingAs(customer, 'bob', required))).toBe('USER_MISMATCH');
    }
  });

  it('needs no token unless tokens are required', () => {
    expect(actingAs(ANONYMOUS, 'ann', false)).toEqual({ kind: 'customer', id: 'ann' });
    expect(refusal(() => actingAs(ANONYMOUS, 'ann', true))).toBe('UNAUTHENTICATED');
  });

  it('is beyond the token of a booking, and beyond a service', () => {
    for (const identity of [token, service])
      expect(refusal(() => actingAs(identity, 'ann', false))).toBe('FORBIDDEN');
  });
});

describe('a booking', () => {
  it.each([
    ['its owner', customer, true],
    ['an operator', operator, true],
    ['its own token', token, true],
    ['another customer', { kind: 'customer', userId: 'bob' }, false],
    ['the token of another booking', { kind: 'booking', bookingId: 'b2' }, false],
    ['a customer whose id is that of the booking', { kind: 'customer', userId: 'b1' }, false],
    ['a service', service, false],
    ['nobody in particular', ANONYMOUS, false],
  ] as const)('opens to %s: %s → %s', (_, identity, opens) => {
    expect(mayOpen(identity, { id: 'b1', customerId: 'ann' })).toBe(opens);
  });
});

describe('a route', () => {
  it('of operators refuses everybody else: 401 without a token, 403 with another', () => {
    expect(refusal(() => requireAccess('operator', ANONYMOUS, false))).toBe('UNAUTHENTICATED');
    expect(refusal(() => requireAccess('operator', customer, false))).toBe('FORBIDDEN');
    expect(refusal(() => requireAccess('operator', token, false))).toBe('FORBIDDEN');
    expect(refusal(() => requireAccess('operator', service, false))).toBe('FORBIDDEN');
    requireAccess('operator', operator, true);
  });

  it('of customers needs a token where AUTH_REQUIRED says so', () => {
    expect(refusal(() => requireAccess('customer', ANONYMOUS, true))).toBe('UNAUTHENTICATED');
    requireAccess('customer', ANONYMOUS, false);
    for (const identity of [customer, operator, token]) requireAccess('customer', identity, true);
    expect(refusal(() => requireAccess('customer', service, false))).toBe('FORBIDDEN');
  });

  it('of anyone takes anyone', () => {
    for (const identity of [ANONYMOUS, customer, operator, token]) requireAccess('anyone', identity, true);
  });
});
