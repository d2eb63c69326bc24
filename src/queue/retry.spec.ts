import { PermanentFailure } from './job-queue.js';
import { backoff, failureCode } from './retry.js';

const policy = { attempts: 10, backoffMs: 100, maxBackoffMs: 1000 };

describe('The wait before a retry', () => {
  it('doubles with each failure and is spread from half to one and a half of that', () => {
    const bounds = [1, 2, 3].map((failures) => [
      backoff(policy, failures, 0),
      backoff(policy, failures, 0.9999),
    ]);
    expect(bounds).toEqual([
      [50, 150],
      [100, 300],
      [200, 600],
    ]);
  });

  it('stays below its upper bound, however many failures there were', () => {
    for (const failures of [5, 40, 2000]) {
      expect(backoff(policy, failures, 0.9999)).toBe(1000);
      expect(backoff(policy, failures, 0)).toBe(500);
    }
  });

  it('is never nothing', () => {
    expect(backoff({ attempts: 2, backoffMs: 1, maxBackoffMs: 1 }, 1, 0)).toBe(1);
  });
});

describe('The code of a failure', () => {
  it.each([
    [new PermanentFailure('DECLINED'), 'DECLINED'],
    [Object.assign(new Error('to 127.0.0.1'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [new TypeError('secret'), 'TypeError'],
    [new Error('somebody@example.com'), 'UNEXPECTED_ERROR'],
    [Object.assign(new Error('x'), { code: 'mail for somebody@example.com' }), 'UNEXPECTED_ERROR'],
    ['thrown text', 'UNEXPECTED_ERROR'],
    [undefined, 'UNEXPECTED_ERROR'],
  ])('of %p is %s and never its message', (error, code) => {
    expect(failureCode(error)).toBe(code);
  });
});
