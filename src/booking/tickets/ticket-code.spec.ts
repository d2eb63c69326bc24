import fc from 'fast-check';
import { formatTicketCode, makeTicketCode, parseTicketCode } from './ticket-code.js';

const ALPHABET = [...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'];
const secret = Buffer.from('a secret of at least thirty-two characters');
const ticketId = '0192f0c1-5b7a-7cde-8f01-23456789abcd';
const anySecret = fc.uint8Array({ minLength: 1, maxLength: 64 });

describe('a ticket code', () => {
  it('gives back the id that it was made for, whatever the id and the secret', () => {
    fc.assert(
      fc.property(anySecret, fc.uuid(), (key, id) => {
        expect(parseTicketCode(key, makeTicketCode(key, id))).toBe(id.toLowerCase());
      }),
    );
  });

  it('is refused when any single character has been changed', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.nat(41), fc.constantFrom(...ALPHABET), (id, at, other) => {
        const code = makeTicketCode(secret, id);
        fc.pre(code[at] !== other);
        expect(parseTicketCode(secret, code.slice(0, at) + other + code.slice(at + 1))).toBeNull();
      }),
      { numRuns: 2000 },
    );
  });

  it('is refused when a character is missing, added or swapped with a different neighbour', () => {
    const code = makeTicketCode(secret, ticketId);
    for (let at = 0; at < code.length; at++) {
      expect(parseTicketCode(secret, code.slice(0, at) + code.slice(at + 1))).toBeNull();
      expect(parseTicketCode(secret, `${code.slice(0, at)}0${code.slice(at)}`)).toBeNull();
      const swapped =
        code.slice(0, at) +
        code
          .slice(at, at + 2)
          .split('')
          .reverse()
          .join('') +
        code.slice(at + 2);
      if (swapped !== code) expect(parseTicketCode(secret, swapped)).toBeNull();
    }
  });

  it('is refused under another secret', () => {
    expect(parseTicketCode(Buffer.from('another secret'), makeTicketCode(secret, ticketId))).toBeNull();
  });

  it('is refused, and never throws, whatever text is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        expect(parseTicketCode(secret, text)).toBeNull();
      }),
    );
    expect(parseTicketCode(secret, '-'.repeat(1_000_000))).toBeNull();
  });

  it('is the same every time and has no character that reads like another', () => {
    const code = makeTicketCode(secret, ticketId);
    expect(makeTicketCode(secret, ticketId.toUpperCase())).toBe(code);
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{42}$/);
  });

  it('may be typed in lower case, in groups, with O for 0 and I or L for 1', () => {
    const code = makeTicketCode(secret, ticketId);
    const typed = formatTicketCode(code).toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l');
    expect(typed).toMatch(/^(.{6}-){6}.{6}$/);
    expect(parseTicketCode(secret, typed)).toBe(ticketId);
    expect(parseTicketCode(secret, ` ${code.slice(0, 20)} ${code.slice(20)}\n`.replaceAll('1', 'I'))).toBe(
      ticketId,
    );
  });

  it('is only made for a UUID', () => {
    expect(() => makeTicketCode(secret, '42')).toThrow(TypeError);
  });
});
