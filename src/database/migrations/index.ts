import { sql as ledger } from './0001-ledger.js';
import { sql as auditEpochs } from './0002-audit-epochs.js';
import { sql as roomOffers } from './0003-room-offers.js';
import { sql as refundPolicy } from './0004-refund-policy.js';
import { sql as stripeIntents } from './0005-stripe-intents.js';
import { sql as stripeRefusals } from './0006-stripe-refusals.js';
import { sql as settling } from './0007-settling.js';
import { sql as refundLooks } from './0008-refund-looks.js';
import { sql as rateLimits } from './0009-rate-limits.js';
import { sql as erasure } from './0010-erasure.js';
import { sql as remote } from './0011-remote.js';
import { sql as reservations } from './0012-reservations.js';
import { sql as refundMails } from './0013-refund-mails.js';

/**
 * Raised with every release that changes a table or a routine. A process of an older release leaves what a newer one
 * has put into the database, so that the two can run side by side while a release rolls out.
 */
export const REVISION = 5;

/** By name, in their order. Tables change by a new file here, never by an edit of an old one. */
export const MIGRATIONS: Readonly<Record<string, string>> = {
  '0001-ledger': ledger,
  '0002-audit-epochs': auditEpochs,
  '0003-room-offers': roomOffers,
  '0004-refund-policy': refundPolicy,
  '0005-stripe-intents': stripeIntents,
  '0006-stripe-refusals': stripeRefusals,
  '0007-settling': settling,
  '0008-refund-looks': refundLooks,
  '0009-rate-limits': rateLimits,
  '0010-erasure': erasure,
  '0011-remote': remote,
  '0012-reservations': reservations,
  '0013-refund-mails': refundMails,
};
