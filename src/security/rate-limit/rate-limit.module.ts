import { createSecretKey, hkdfSync } from 'node:crypto';
import { Global, Logger, Module } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Metrics } from '../../metrics/metrics.js';
import { RateLimitReadings } from '../../metrics/sources.js';
import { Remotes } from '../../remote/remotes.js';
import { Authenticator } from '../authentication.js';
import { Challenges } from '../challenge/challenges.js';
import { verifierOf } from '../challenge/verifier-of.js';
import { TokenSecret } from '../security.module.js';
import { BookingGate } from './booking-gate.js';
import { CallLimits } from './call-limits.js';
import { LocalRateLimiter } from './local-rate-limiter.js';
import { QuotaTeller } from './quota-teller.js';
import { RateLimiter } from './rate-limiter.js';
import { RedisLevels } from './redis-levels.js';
import { RemoteRateLimiter } from './remote-rate-limiter.js';
import { RouteLimits } from './route-limits.js';
import { SharedLevels } from './shared-levels.js';

const logger = new Logger('rate-limit');
const warn = (error: unknown): void =>
  logger.warn({ message: 'The remote limiter is not understood: the local limits apply', err: error });

/** Limits and the challenge. Needs `Config`, `Metrics`, `Remotes`, `SharedLevels` and `SecurityModule` from global modules. */
@Global()
@Module({
  providers: [
    {
      provide: LocalRateLimiter,
      inject: [Config, SharedLevels, TokenSecret],
      useFactory: ({ rateLimits, queue }: Config, stored: SharedLevels, secret: TokenSecret) =>
        new LocalRateLimiter({
          limits: rateLimits,
          now: () => performance.now(),
          shared: queue.redis === null ? stored : new RedisLevels(queue.redis, queue.name),
          secret: createSecretKey(
            new Uint8Array(hkdfSync('sha256', secret.bytes, '', 'fairline rate limits v1', 32)),
          ),
          onAway: (error) =>
            logger.warn({
              message: 'Limits are not shared for now: this process counts alone',
              err: error,
            }),
        }),
    },
    { provide: RateLimitReadings, useExisting: LocalRateLimiter },
    {
      provide: RateLimiter,
      inject: [LocalRateLimiter, Remotes],
      useFactory: (local: LocalRateLimiter, remotes: Remotes): RateLimiter => {
        const caller = remotes.caller('limiter');
        return caller === null ? local : new RemoteRateLimiter(caller, local, warn);
      },
    },
    {
      provide: CallLimits,
      inject: [RateLimiter, Authenticator, Metrics],
      useFactory: (limiter: RateLimiter, authenticator: Authenticator, metrics: Metrics) =>
        new CallLimits(limiter, authenticator, metrics),
    },
    {
      provide: QuotaTeller,
      inject: [RateLimiter],
      useFactory: (limiter: RateLimiter) => new QuotaTeller(limiter),
    },
    {
      provide: RouteLimits,
      inject: [CallLimits, QuotaTeller],
      useFactory: (limits: CallLimits, quotas: QuotaTeller) => new RouteLimits(limits, quotas),
    },
    {
      provide: BookingGate,
      inject: [CallLimits, Config, Metrics],
      useFactory: async (limits: CallLimits, { challenge, role }: Config, metrics: Metrics) =>
        new BookingGate(
          limits,
          challenge === null || role === 'worker'
            ? null
            : new Challenges(await verifierOf(challenge.by), challenge, metrics),
        ),
    },
  ],
  exports: [
    LocalRateLimiter,
    RateLimiter,
    RateLimitReadings,
    CallLimits,
    RouteLimits,
    QuotaTeller,
    BookingGate,
  ],
})
export class RateLimitModule {
  constructor(
    private readonly limiter: LocalRateLimiter,
    private readonly gate: BookingGate,
  ) {}

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.limiter.close(), this.gate.close()]);
  }
}
