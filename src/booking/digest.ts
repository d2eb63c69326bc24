import { hash } from 'node:crypto';

/** SHA-256 of the canonical form of a body: its members in a fixed order; hex. */
export const digest = (members: readonly unknown[]): string => hash('sha256', JSON.stringify(members));
