import type { Config } from '../../../config/config.js';

export type SandboxSettings = Config['payment']['sandbox'];

/** A uniform number from 0 up to, not including, 1. */
export type Random = () => number;

/**
 * What the sandbox will do with one call. `arrives` is what the bank gets: the charge at once, a second late,
 * or never. `answer` is what the caller gets: the bank's answer, silence, or an error.
 */
export interface ChargePlan {
  readonly delayMs: number;
  readonly arrives: 'now' | 'late' | 'never';
  readonly answer: 'bank' | 'unknown' | 'error' | 'error_once';
  /** Null: the bank captures. */
  readonly declineReason: string | null;
}

/** How late a late charge reaches the bank. */
export const LATE_MS = 1000;
/** Methods whose trouble comes after the charge. */
export const REFUND_PENDING = 'pm_refund_pending';
export const REFUND_ERROR_ONCE = 'pm_refund_error_once';
export const SETTLE_ERROR_ONCE = 'pm_timeout_settle_error_once';
/** How long a refund to `pm_refund_pending` is pending. */
export const REFUND_PENDING_MS = 2000;
const SLOW_MS = 2000;

const PLAIN: ChargePlan = { delayMs: 0, arrives: 'now', answer: 'bank', declineReason: null };

/** The documented magic payment methods (docs/sandbox-payments.md); every other one follows the settings. */
const MAGIC: ReadonlyMap<string, Partial<ChargePlan>> = new Map<string, Partial<ChargePlan>>([
  ['pm_ok', {}],
  [REFUND_PENDING, {}],
  [REFUND_ERROR_ONCE, {}],
  ['pm_decline', { declineReason: 'card_declined' }],
  ['pm_decline_insufficient_funds', { declineReason: 'insufficient_funds' }],
  ['pm_decline_authentication', { declineReason: 'authentication_required' }],
  ['pm_error_captured', { answer: 'error' }],
  ['pm_error_once', { answer: 'error_once', arrives: 'never' }],
  ['pm_error', { answer: 'error', arrives: 'never' }],
  ['pm_slow', { delayMs: SLOW_MS }],
  ['pm_timeout_captured', { answer: 'unknown' }],
  ['pm_timeout_lost', { answer: 'unknown', arrives: 'never' }],
  ['pm_timeout_late', { answer: 'unknown', arrives: 'late' }],
  [SETTLE_ERROR_ONCE, { answer: 'unknown' }],
]);

/** A magic method does what it is for, whatever the shares say; `delayMs` applies to all. */
export function planCharge(method: string, settings: SandboxSettings, random: Random): ChargePlan {
  const magic = MAGIC.get(method);
  const plan = { ...PLAIN, ...(magic ?? planByShare(settings, random)) };
  return { ...plan, delayMs: plan.delayMs + settings.delayMs };
}

function planByShare(settings: SandboxSettings, random: Random): Partial<ChargePlan> {
  const declineReason = random() < settings.declineRate ? 'card_declined' : null;
  // An error says nothing about whether the bank has booked the charge: half of them come after it has.
  if (random() < settings.errorRate) {
    return { answer: 'error', arrives: random() < 0.5 ? 'now' : 'never', declineReason };
  }
  if (random() < settings.unknownRate) {
    const which = random() * 3;
    return { answer: 'unknown', arrives: which < 1 ? 'now' : which < 2 ? 'late' : 'never', declineReason };
  }
  return { declineReason };
}
