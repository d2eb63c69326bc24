import type { Reader } from './reader.js';

/** How many sockets one process holds. */
export interface SocketLimits {
  readonly perProcess: number;
  /** Of one address (IPv6: of its /64). Connections from this machine itself are not counted. */
  readonly perAddress: number;
}

export const socketLimits = (read: Reader): SocketLimits => ({
  // A process has 20,000 open files at most, and HTTP and the database need some.
  perProcess: read.integer('SOCKETS_PER_PROCESS', 18_000, 1, 1_000_000),
  perAddress: read.integer('SOCKETS_PER_ADDRESS', 5_000, 1, 1_000_000),
});
