import type { OnApplicationShutdown } from '@nestjs/common';
import type { KnownIntent, StripeIntents } from '../../../database/stripe-intents.js';
import {
  PaymentProvider,
  ProviderRefused,
  ProviderUnavailable,
  type Captured,
  type ChargeAttempt,
  type ChargePage,
  type Declined,
  type ProviderCharge,
  type Refunded,
  type RefundPending,
  type RefundRequest,
  type Unknown,
  type Voided,
} from '../payment-provider.js';
import type { IntentFacts } from './intent-facts.js';
import { IntentOpener } from './intent-opener.js';
import type { StripeApi } from './stripe-api.js';
import { StripeFailure } from './stripe-failure.js';
import { StripeRefunds } from './stripe-refunds.js';

type Outcome = Captured | Declined | Voided;

const UNKNOWN: Unknown = { kind: 'unknown' };
const CAPTURED: Captured = { kind: 'captured' };
/** Of steps from one state of an intent to the next: more than there are states, where somebody else moves it too. */
const MAX_STEPS = 8;

/**
 * Charges by PaymentIntents with manual capture.
 *
 * An attempt is one intent: made under the attempt's key, written down here, and only then confirmed and captured. So
 * whoever settles finds the intent, and Stripe itself decides between a capture and a cancellation that meet: an
 * intent has one end. See docs/stripe.md.
 */
export class StripePaymentProvider extends PaymentProvider implements OnApplicationShutdown {
  private readonly opener: IntentOpener;
  private readonly refunds: StripeRefunds;

  constructor(
    private readonly api: StripeApi,
    private readonly intents: StripeIntents,
  ) {
    super();
    this.opener = new IntentOpener(api, intents);
    this.refunds = new StripeRefunds(api, intents);
  }

  override charge(attempt: ChargeAttempt, signal: AbortSignal): Promise<Captured | Declined | Unknown> {
    return this.asked(signal, async () => {
      const { known, fresh } = await this.opener.open(attempt, signal);
      if (known.closed) return declinedBy(known);
      const intentId = idOf(known);
      try {
        const first = fresh ?? (await this.api.retrieve(intentId, signal));
        sameTerms(attempt, first);
        return await this.takeMoney(attempt, first, signal);
      } catch (error) {
        // From here on the money may have moved.
        if (isLost(error)) return UNKNOWN;
        throw error;
      }
    });
  }

  override settle(attempt: ChargeAttempt, signal: AbortSignal): Promise<Outcome> {
    return this.asked(signal, async () => {
      const { known, fresh } = await this.opener.open(attempt, signal);
      if (known.closed) return endOf(known);
      const first = fresh ?? (await this.api.retrieve(idOf(known), signal));
      sameTerms(attempt, first);
      return this.end(attempt, first, null, signal);
    });
  }

  override refund(refund: RefundRequest, signal: AbortSignal): Promise<Refunded | RefundPending> {
    return this.asked(signal, () => this.refunds.refund(refund, signal));
  }

  override refundStands(refund: RefundRequest, signal: AbortSignal): Promise<boolean> {
    return this.asked(signal, () => this.refunds.stands(refund, signal));
  }

  override charges(page: { readonly after: string | null; readonly limit: number }): Promise<ChargePage> {
    const { signal } = new AbortController();
    return this.asked(signal, async () => {
      const { intents, next } = await this.api.list(page, signal);
      const counts = await this.intents.idsOf(intents.flatMap(({ key }) => key ?? []));
      return { charges: intents.flatMap((intent) => chargeOf(intent, counts)), next };
    });
  }

  /** Stripe keeps its own books, under its own rules; ours name an intent and no card. */
  override forget(): Promise<void> {
    return Promise.resolve();
  }

  override close(): Promise<void> {
    this.api.close();
    return Promise.resolve();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** From the state that the intent is in to its end. Repeated from anywhere, it goes on from there. */
  private async takeMoney(
    attempt: ChargeAttempt,
    first: IntentFacts,
    signal: AbortSignal,
  ): Promise<Captured | Declined | Unknown> {
    let intent = first;
    for (let step = 0; step < MAX_STEPS; step++) {
      const declined = declineOf(intent);
      if (declined !== null) return declined;
      switch (intent.status) {
        case 'requires_payment_method':
        case 'requires_confirmation':
          intent = await this.orRefused(attempt, intent, signal, () =>
            this.api.confirm(intent.id, attempt.method, `${attempt.key}-confirm`, signal),
          );
          break;
        case 'requires_capture':
          intent = await this.orRefused(attempt, intent, signal, () => this.api.capture(intent.id, signal));
          break;
        case 'requires_action':
          return refusedAs(await this.end(attempt, intent, 'authentication_required', signal));
        case 'succeeded':
          return CAPTURED;
        case 'canceled':
          return declinedBy(await this.intents.close(attempt.key, null));
        default:
          return UNKNOWN;
      }
    }
    return UNKNOWN;
  }

  /**
   * The intent after a step. Where the step was refused, the intent as it is now; where that would still allow the
   * step, it never will: the intent is given up, with the refusal as its reason.
   */
  private async orRefused(
    attempt: ChargeAttempt,
    before: IntentFacts,
    signal: AbortSignal,
    step: () => Promise<IntentFacts>,
  ): Promise<IntentFacts> {
    try {
      return await step();
    } catch (error) {
      if (!isAnswer(error)) throw error;
      const now = await this.api.retrieve(before.id, signal);
      if (now.status !== before.status || declineOf(now) !== null) return now;
      await this.end(attempt, now, error.reason, signal);
      return this.api.retrieve(before.id, signal);
    }
  }

  /**
   * Reports how the intent has ended, or cancels it, the reason written down before. Of this and a capture that meet,
   * Stripe lets one through.
   */
  private async end(
    attempt: ChargeAttempt,
    first: IntentFacts,
    refusal: string | null,
    signal: AbortSignal,
  ): Promise<Outcome> {
    let intent = first;
    for (let step = 0; step < MAX_STEPS; step++) {
      if (intent.status === 'succeeded') return CAPTURED;
      if (intent.status === 'canceled') return endOf(await this.intents.close(attempt.key, refusal));
      const declined = declineOf(intent);
      if (declined !== null) return declined;
      if (refusal !== null) await this.intents.intend(attempt.key, refusal);
      intent = await this.canceled(intent, signal);
    }
    throw new ProviderUnavailable(`Stripe: the intent stays ${intent.status}`);
  }

  private async canceled(intent: IntentFacts, signal: AbortSignal): Promise<IntentFacts> {
    try {
      return await this.api.cancel(intent.id, signal);
    } catch (error) {
      if (!isAnswer(error)) throw error;
      return this.api.retrieve(intent.id, signal);
    }
  }

  /** What the port promises of errors. */
  private async asked<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      signal.throwIfAborted();
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ProviderRefused || error instanceof ProviderUnavailable) throw error;
      if (error instanceof StripeFailure && error.kind === 'key_reused') {
        throw new ProviderRefused('key_reused');
      }
      throw new ProviderUnavailable('Stripe gave no answer that could be used', { cause: error });
    }
  }
}

/** Stripe said no, and nothing happened. */
const isAnswer = (error: unknown): error is StripeFailure =>
  error instanceof StripeFailure && (error.kind === 'declined' || error.kind === 'rejected');

/** Whether anything happened is not known. */
const isLost = (error: unknown): boolean =>
  error instanceof StripeFailure && (error.kind === 'unavailable' || error.kind === 'in_progress');

function sameTerms(attempt: ChargeAttempt, { key, bookingId, amount }: IntentFacts): void {
  const same =
    key === attempt.key &&
    bookingId === attempt.bookingId &&
    amount.amountMinor === attempt.amountMinor &&
    amount.currency === attempt.currency;
  if (!same) throw new ProviderRefused('key_reused');
}

function idOf({ intentId }: KnownIntent): string {
  if (intentId === null) throw new Error('An open intent has an id');
  return intentId;
}

/** The bank has said no to the one time that this intent was confirmed. */
const declineOf = ({ status, decline }: IntentFacts): Declined | null =>
  status === 'requires_payment_method' && decline !== null ? { kind: 'declined', reason: decline } : null;

const endOf = ({ refusal }: KnownIntent): Declined | Voided =>
  refusal === null ? { kind: 'voided' } : { kind: 'declined', reason: refusal };

/** A voided attempt that arrives after all is refused. */
const declinedBy = ({ refusal }: KnownIntent): Declined => ({
  kind: 'declined',
  reason: refusal ?? 'attempt_voided',
});

const refusedAs = (outcome: Outcome): Captured | Declined =>
  outcome.kind === 'voided' ? { kind: 'declined', reason: 'attempt_voided' } : outcome;

/**
 * Only what has come to an end, as the port has it, and only what was made here. Of several intents of one attempt one
 * counts; another is nothing where no money was taken by it, and a charge that nobody knows of where it was.
 */
function chargeOf(intent: IntentFacts, counts: ReadonlyMap<string, string | null>): ProviderCharge[] {
  const { key, bookingId, amount, received, refundedMinor } = intent;
  if (key === null) return [];
  const isOther = counts.has(key) && counts.get(key) !== intent.id;
  if (intent.status === 'succeeded') {
    const name = isOther ? `${key} (${intent.id})` : key;
    return [{ key: name, bookingId, ...received, state: 'captured', refundedMinor }];
  }
  if (isOther) return [];
  if (intent.status === 'canceled') {
    return [{ key, bookingId, ...amount, state: 'voided', refundedMinor: 0 }];
  }
  return declineOf(intent) === null
    ? []
    : [{ key, bookingId, ...amount, state: 'declined', refundedMinor: 0 }];
}
