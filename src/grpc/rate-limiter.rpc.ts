import { Controller } from '@nestjs/common';
import { validationFailed } from '../common/problem.js';
import { isCleanText } from '../common/text.js';
import { LocalRateLimiter } from '../security/rate-limit/local-rate-limiter.js';
import { LIMIT_NAMES, type LimitName } from '../security/rate-limit/rate-limiter.js';
import { Rpc } from './rpc.js';
import { duration } from './values.js';

const MAX_SUBJECT = 200;
const MAX_COST = 500;

interface CheckMessage {
  readonly limit: string;
  readonly subject: string;
  readonly cost?: number;
}

/** `RateLimiterService` of the contract, from this process's own limits: whoever asks is never asked in turn. */
@Controller()
export class RateLimiterRpc {
  constructor(private readonly limiter: LocalRateLimiter) {}

  @Rpc('RateLimiterService', 'service', 'read')
  async check({ limit, subject, cost = 1 }: CheckMessage): Promise<object> {
    const name = limitName(limit);
    if (subject === '' || subject.length > MAX_SUBJECT || !isCleanText(subject))
      throw wrong('subject', `subject must be text of 1 to ${MAX_SUBJECT} characters`);
    if (cost < 1 || cost > MAX_COST) throw wrong('cost', `cost must be from 1 to ${MAX_COST}`);
    const verdict = this.limiter.take(name, subject, cost);
    if (verdict === null) return { allowed: true, quota: 0, remaining: 0 };
    const { allowed, remaining, resetMs, retryAfterMs } = verdict;
    return {
      allowed,
      remaining,
      quota: this.limiter.quota(name)?.limit ?? 0,
      resetAfter: duration(resetMs / 1000),
      ...(!allowed && { retryAfter: duration(retryAfterMs / 1000) }),
    };
  }
}

function limitName(text: string): LimitName {
  const found = LIMIT_NAMES.find((name) => name === text);
  if (found === undefined) throw wrong('limit', `limit must be one of ${LIMIT_NAMES.join(', ')}`);
  return found;
}

const wrong = (field: string, message: string): Error => validationFailed([{ field, message }]);
