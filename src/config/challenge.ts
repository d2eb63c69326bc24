import { resolve } from 'node:path';
import type { Reader } from './reader.js';

/** What is asked before a booking is accepted, whether a person sent it. */
export interface ChallengeSettings {
  /** An endpoint of the siteverify form, or a module of the operator's own. */
  readonly by:
    | { readonly kind: 'url'; readonly url: string; readonly secret: string }
    /** Absolute path. */
    | { readonly kind: 'module'; readonly file: string };
  /** Public: told to clients, so that they can show the challenge. */
  readonly siteKey: string | null;
  readonly timeoutMs: number;
  /** Where nobody answers in time: everybody is let in, or nobody. */
  readonly onOutage: 'open' | 'closed';
}

/** Null where none is configured. */
export function challengeSettings(read: Reader): ChallengeSettings | null {
  const url = read.url('CHALLENGE_URL', ['https:', 'http:']);
  const secret = read.text('CHALLENGE_SECRET');
  const file = read.text('CHALLENGE_MODULE');
  const common = {
    siteKey: read.text('CHALLENGE_SITE_KEY'),
    timeoutMs: read.integer('CHALLENGE_TIMEOUT_MS', 3000, 50, 30_000),
    onOutage: read.oneOf('CHALLENGE_ON_OUTAGE', ['closed', 'open'] as const, 'closed'),
  };
  if (url !== null && file !== null) read.refuse('CHALLENGE_URL and CHALLENGE_MODULE are both set: set one');
  if (url !== null && secret === null) read.refuse('CHALLENGE_URL needs CHALLENGE_SECRET');
  if (url === null && secret !== null) read.refuse('CHALLENGE_SECRET needs CHALLENGE_URL');
  if (url === null && file === null && common.siteKey !== null) {
    read.refuse('CHALLENGE_SITE_KEY needs CHALLENGE_URL or CHALLENGE_MODULE');
  }
  if (url !== null && secret !== null) return { by: { kind: 'url', url, secret }, ...common };
  if (file !== null) return { by: { kind: 'module', file: resolve(file) }, ...common };
  return null;
}
