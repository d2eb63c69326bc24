import { sql as ledger } from './0001-ledger.js';
import { sql as auditEpochs } from './0002-audit-epochs.js';

/**
 * Raised with every release that changes a table or a routine. A process of an older release leaves what a newer one
 * has put into the database, so that the two can run side by side while a release rolls out.
 */
export const REVISION = 2;

/** By name, in their order. Tables change by a new file here, never by an edit of an old one. */
export const MIGRATIONS: Readonly<Record<string, string>> = {
  '0001-ledger': ledger,
  '0002-audit-epochs': auditEpochs,
};
