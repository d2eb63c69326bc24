import { PermanentFailure, type RetryPolicy } from './job-queue.js';

/**
 * Ms to wait after the given number of failures (1 after the first): exponential, ±50 % jitter, capped.
 * @param random a number from 0 to below 1
 */
export function backoff(policy: RetryPolicy, failures: number, random: number): number {
  const doubled = policy.backoffMs * 2 ** Math.min(failures - 1, 40);
  const wait = Math.min(doubled, policy.maxBackoffMs) * (0.5 + random);
  return Math.max(1, Math.round(Math.min(wait, policy.maxBackoffMs)));
}

const CODE = /^[A-Za-z][A-Za-z0-9_]{1,63}$/;

/**
 * A code for what a handler threw. Never its message: that may carry personal data, and what fails is kept on the
 * broker.
 */
export function failureCode(error: unknown): string {
  if (error instanceof PermanentFailure) return error.reason;
  if (!(error instanceof Error)) return 'UNEXPECTED_ERROR';
  if ('code' in error && typeof error.code === 'string' && CODE.test(error.code)) return error.code;
  return error.name !== 'Error' && CODE.test(error.name) ? error.name : 'UNEXPECTED_ERROR';
}
