import { isIP } from 'node:net';

/** What stands before an IPv4 address in the notation of a dual-stack socket. */
const MAPPED = '::ffff:';

/** An address with IPv4 in its own notation, on a dual-stack socket too; anything else as it is. */
export function plainAddress(address: string): string {
  if (!address.startsWith(MAPPED)) return address;
  const rest = address.slice(MAPPED.length);
  return isIP(rest) === 4 ? rest : address;
}
