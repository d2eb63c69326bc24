import { createHash } from 'node:crypto';

/** SHA-256 of the canonical form of a body: its members in a fixed order; hex. */
export const digest = (members: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(members)).digest('hex');
