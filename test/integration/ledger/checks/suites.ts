import { chain } from './chain.js';
import type { Checks } from './check.js';
import { clocks } from './clocks.js';
import { doors } from './doors.js';
import { keys, limits } from './intake.js';
import { order, release, sellOut } from './line.js';
import { locks, timeouts } from './locks.js';
import { money } from './money.js';
import { recovery } from './recovery.js';
import { reservations } from './reservations.js';
import { stays } from './stays.js';
import { refunds } from './refunds.js';

/** Everything that is checked of the ledger one sentence at a time, by what it is about. */
export const SUITES: Readonly<Record<string, Checks>> = {
  'The order of the line': order,
  'A sell-out': sellOut,
  'Leaving the line': release,
  'A line of stays': stays,
  'Units that another system sells': reservations,
  'Changes of the clock': clocks,
  'Two doors at once': doors,
  Money: money,
  Refunds: refunds,
  Intake: limits,
  'Idempotency keys': keys,
  'The locks': locks,
  'Waiting for a lock': timeouts,
  'After a failure': recovery,
  'The chain over the audit log': chain,
};
