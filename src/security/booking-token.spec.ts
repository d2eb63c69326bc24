import fc from 'fast-check';
import { BOOKING_TOKEN_PREFIX, BookingTokens } from './booking-token.js';

const tokens = new BookingTokens(Buffer.alloc(32, 7));
const bookingId = fc.uuid();
const characters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');

describe('the token of a booking', () => {
  it('opens the booking that it was issued for, and is the same each time', () => {
    fc.assert(
      fc.property(bookingId, (id) => {
        const token = tokens.issue(id);
        expect(token).toMatch(/^bt_[0-9a-f-]{36}\.[A-Za-z0-9_-]{22}$/);
        expect(tokens.issue(id)).toBe(token);
        expect(tokens.verify(token)).toBe(id);
      }),
    );
  });

  it('is no token any more when one character of it is another', () => {
    fc.assert(
      fc.property(bookingId, fc.nat({ max: 58 }), fc.constantFrom(...characters), (id, at, other) => {
        const token = tokens.issue(id);
        const index = BOOKING_TOKEN_PREFIX.length + at;
        fc.pre(token[index] !== other);
        expect(tokens.verify(token.slice(0, index) + other + token.slice(index + 1))).toBeNull();
      }),
    );
  });

  it('is refused under another secret', () => {
    fc.assert(
      fc.property(bookingId, fc.uint8Array({ minLength: 32, maxLength: 64 }), (id, secret) => {
        expect(new BookingTokens(secret).verify(tokens.issue(id))).toBeNull();
      }),
    );
  });

  it('is not made by joining the id of one booking and the signature of another', () => {
    fc.assert(
      fc.property(bookingId, bookingId, (one, other) => {
        fc.pre(one !== other);
        const signature = tokens.issue(other).slice(-22);
        expect(tokens.verify(`bt_${one}.${signature}`)).toBeNull();
      }),
    );
  });

  it('refuses any text without an error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', minLength: 59, maxLength: 59 })),
        (text) => {
          expect(tokens.verify(text)).toBeNull();
          expect(tokens.verify(BOOKING_TOKEN_PREFIX + text)).toBeNull();
        },
      ),
    );
  });

  it('is issued for ids of ours alone', () => {
    expect(() => tokens.issue('not-an-id')).toThrow(TypeError);
    expect(() => tokens.issue('018F2A3B-0000-7000-8000-000000000000')).toThrow(TypeError);
  });

  it('needs a secret of at least 32 bytes', () => {
    expect(() => new BookingTokens(Buffer.alloc(31))).toThrow(RangeError);
  });
});
