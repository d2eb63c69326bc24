import { AppError } from '../../../src/common/errors.js';
import { ProviderUnavailable } from '../../../src/worker/payment/payment-provider.js';
import { OutcomeUnknown } from '../../../src/worker/steps/payment.step.js';

/** An answer that is no mistake: a refusal with a code, or what makes a broker deliver a job again. */
export function isRefusal(error: unknown): boolean {
  return error instanceof AppError || error instanceof OutcomeUnknown || error instanceof ProviderUnavailable;
}

/** Waits for it; anything but a refusal is a mistake. */
export async function orRefused(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isRefusal(error)) throw error;
  });
}
