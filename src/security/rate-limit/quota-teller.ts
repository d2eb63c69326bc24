import type { FastifyReply } from 'fastify';
import { quotaField, standingField } from '../../common/rate-limit-fields.js';
import type { Standing } from './call-limits.js';
import type { LimitName, RateLimiter } from './rate-limiter.js';

/** Tells clients how they stand, in the fields `RateLimit-Policy` and `RateLimit`. */
export class QuotaTeller {
  private readonly policies = new Map<LimitName, string>();

  constructor(private readonly limiter: RateLimiter) {}

  tell(reply: FastifyReply, standing: Standing): void {
    if (standing === null) return;
    const { limit, verdict } = standing;
    void reply
      .header('ratelimit-policy', this.policyOf(limit))
      .header('ratelimit', standingField(limit, verdict.remaining, verdict.resetMs / 1000));
  }

  /**
   * For the one route that a whole crowd calls at once: tells those who have used half of their quota. The two fields cost
   * an answer more than all the counting does (`npm run bench:limits`).
   */
  tellIfLow(reply: FastifyReply, standing: Standing): void {
    if (standing === null) return;
    const quota = this.limiter.quota(standing.limit);
    if (quota === null || standing.verdict.remaining * 2 < quota.limit) this.tell(reply, standing);
  }

  private policyOf(limit: LimitName): string {
    let policy = this.policies.get(limit);
    if (policy === undefined) {
      const quota = this.limiter.quota(limit);
      policy = quota === null ? `"${limit}"` : quotaField(limit, quota.limit, quota.windowMs / 1000);
      this.policies.set(limit, policy);
    }
    return policy;
  }
}
