import { isIP, isIPv6 } from 'node:net';
import { plainAddress } from '../../common/address.js';

/** Nobody's address is longer; what a proxy forwards as one might be. */
const MOST = 64;

/**
 * What an address is counted by: IPv4 whole; IPv6 by its first 64 bits, because that is what one household or one server
 * gets, and whoever has one address there has 2^64 of them.
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address.length <= MOST ? address : address.slice(0, MOST);
  const own = plainAddress(address);
  if (own !== address) return own;
  const plain = address.split('%', 1)[0] ?? '';
  return isIPv6(plain) ? networkOf(plain) : address.slice(0, MOST);
}

/** The machine itself, in each notation. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === '::1' || (plain.startsWith('127.') && isIP(plain) === 4);
}

/** `2001:db8:0:1::/64` as its four groups; an IPv4 address that is written in hexadecimal groups as itself. */
function networkOf(address: string): string {
  const groups = groupsOf(address);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (!isMapped) return `${groups.slice(0, 4).map(hex).join(':')}::/64`;
  const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]);
  return bytes.join('.');
}

/** The eight groups of a valid address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const front = groupsIn(head);
  if (tail === undefined) return front;
  const back = groupsIn(tail);
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function groupsIn(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

const hex = (group: number): string => group.toString(16);
