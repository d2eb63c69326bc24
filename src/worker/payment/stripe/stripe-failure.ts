import Stripe from 'stripe';
import { declineReason, rejectionReason } from './decline-reason.js';

/**
 * Why a call of Stripe gave no result.
 *
 * - `declined`: the bank said no. Kept under the key: a repetition says the same.
 * - `rejected`: Stripe does not do that, with that object in that state or with those parameters. Nothing happened.
 * - `key_reused`: the idempotency key stands for a request with other parameters.
 * - `in_progress`: another request with this key, or about this object, is under way.
 * - `unavailable`: no answer, or one that says nothing. It may have happened.
 */
export type StripeFailureKind = 'declined' | 'rejected' | 'key_reused' | 'in_progress' | 'unavailable';

/**
 * The message and the code are for logs: unlike the library's own errors, this one holds nothing about the customer.
 */
export class StripeFailure extends Error {
  constructor(
    readonly kind: StripeFailureKind,
    /** Of a decline or a rejection, what the customer is told; else Stripe's code. */
    readonly reason: string,
    message: string,
    /** Stripe answered what it had answered before under this key, and will do so as long as it keeps the key. */
    readonly isReplay = false,
  ) {
    super(message);
    this.name = 'StripeFailure';
  }

  /** For logs. */
  get code(): string {
    return `STRIPE_${this.kind.toUpperCase()}`;
  }
}

export function failureOf(error: unknown): StripeFailure {
  if (error instanceof StripeFailure) return error;
  if (!(error instanceof Stripe.errors.StripeError)) {
    return new StripeFailure('unavailable', 'no_answer', 'Stripe could not be asked');
  }
  const kind = kindOf(error);
  const code = error.code ?? error.rawType ?? error.type;
  const reason = reasonOf(kind, error, code);
  const about = [error.statusCode, code, error.param, error.requestId].filter((part) => part !== undefined);
  return new StripeFailure(
    kind,
    reason,
    `Stripe: ${kind} (${about.join(', ')})`,
    error.headers?.['idempotent-replayed'] === 'true',
  );
}

function reasonOf(
  kind: StripeFailureKind,
  error: InstanceType<typeof Stripe.errors.StripeError>,
  code: string,
): string {
  if (kind === 'declined') return declineReason(error);
  return kind === 'rejected' ? rejectionReason(code) : code;
}

function kindOf(error: InstanceType<typeof Stripe.errors.StripeError>): StripeFailureKind {
  const { StripeCardError, StripeIdempotencyError, StripeInvalidRequestError } = Stripe.errors;
  // Either with status 409, or as an error of idempotency: what counts is the code.
  if (error.code === 'idempotency_key_in_use' || error.statusCode === 409 || error.code === 'lock_timeout') {
    return 'in_progress';
  }
  if (error instanceof StripeCardError) return 'declined';
  if (error instanceof StripeIdempotencyError) return 'key_reused';
  if (error instanceof StripeInvalidRequestError) return 'rejected';
  return 'unavailable';
}
