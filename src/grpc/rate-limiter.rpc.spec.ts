import { createSecretKey, randomBytes } from 'node:crypto';
import { LocalRateLimiter } from '../security/rate-limit/local-rate-limiter.js';
import { RateLimiterRpc } from './rate-limiter.rpc.js';

describe('the limits that other processes ask for', () => {
  const limiter = new LocalRateLimiter({
    limits: new Map([['customer', { limit: 10, windowMs: 60_000 }]]),
    now: () => 0,
    shared: null,
    secret: createSecretKey(randomBytes(32)),
    onAway: () => undefined,
  });
  const rpc = new RateLimiterRpc(limiter);
  const check = (cost: number): Promise<object> => rpc.check({ limit: 'customer', subject: 'fan', cost });

  it('count a request of several whole or not at all: what is refused uses nothing up', async () => {
    expect(await check(7)).toMatchObject({ allowed: true, quota: 10, remaining: 3 });
    expect(await check(5)).toMatchObject({ allowed: false, retryAfter: { seconds: 12 } });
    expect(await check(3)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await check(1)).toMatchObject({ allowed: false });
  });
});
