import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * A ticket code is 42 characters of Crockford's base32: the 128 bits of the ticket's id, then the first 82 bits
 * of an HMAC-SHA256 over it. 42 × 5 = 210 bits: no bit is left over, so every character is vouched for.
 */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_LENGTH = 42;
const ID_BYTES = 16;
/** 82 bits, kept in 11 bytes whose last six bits are zero. */
const MAC_BYTES = 11;
const LAST_MAC_BYTE = 0b1100_0000;
const GROUP = 6;
/** No other use of the same secret can give a valid code. */
const DOMAIN = 'fairline ticket code 1\0';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The code of a ticket, always the same for the same secret and id: upper case, without separators.
 * @throws TypeError where `ticketId` is not a UUID.
 */
export function makeTicketCode(secret: Uint8Array, ticketId: string): string {
  if (!UUID.test(ticketId)) throw new TypeError('A ticket id is a UUID');
  const id = Buffer.from(ticketId.replaceAll('-', ''), 'hex');
  return encode(Buffer.concat([id, mac(secret, id)]));
}

/**
 * The id (lower case) of the ticket that a code was made for, or null where the code was not made with this
 * secret. Takes what people type: any case, spaces and hyphens anywhere, O for 0, I and L for 1.
 */
export function parseTicketCode(secret: Uint8Array, text: string): string | null {
  // Bounded before any work: the text comes from whoever holds a scanner.
  if (text.length > CODE_LENGTH * 2) return null;
  const bytes = decode(normalise(text));
  if (bytes === null) return null;
  const id = bytes.subarray(0, ID_BYTES);
  if (!timingSafeEqual(bytes.subarray(ID_BYTES), mac(secret, id))) return null;
  return uuidOf(id);
}

/** The code as it is printed for people: seven groups of six. */
export function formatTicketCode(code: string): string {
  const groups: string[] = [];
  for (let at = 0; at < code.length; at += GROUP) groups.push(code.slice(at, at + GROUP));
  return groups.join('-');
}

function mac(secret: Uint8Array, id: Buffer): Buffer {
  const digest = createHmac('sha256', secret).update(DOMAIN).update(id).digest().subarray(0, MAC_BYTES);
  digest[MAC_BYTES - 1] = (digest[MAC_BYTES - 1] ?? 0) & LAST_MAC_BYTE;
  return digest;
}

const normalise = (text: string): string =>
  text.replace(/[\s-]/g, '').toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1');

function encode(bytes: Buffer): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  bits >>= BigInt(bytes.length * 8 - CODE_LENGTH * 5);
  let code = '';
  for (let at = CODE_LENGTH - 1; at >= 0; at--)
    code += ALPHABET[Number((bits >> BigInt(at * 5)) & 31n)] ?? '';
  return code;
}

function decode(code: string): Buffer | null {
  if (code.length !== CODE_LENGTH) return null;
  let bits = 0n;
  for (const character of code) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return null;
    bits = (bits << 5n) | BigInt(value);
  }
  const spare = BigInt((ID_BYTES + MAC_BYTES) * 8 - CODE_LENGTH * 5);
  return Buffer.from((bits << spare).toString(16).padStart((ID_BYTES + MAC_BYTES) * 2, '0'), 'hex');
}

const uuidOf = (id: Buffer): string =>
  id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
