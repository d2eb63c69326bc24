import { sql as ledger } from './0001-ledger.js';

/** By name, in their order. Tables change by a new file here, never by an edit of an old one. */
export const MIGRATIONS: Readonly<Record<string, string>> = { '0001-ledger': ledger };
