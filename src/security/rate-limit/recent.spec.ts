import fc from 'fast-check';
import { Recent } from './recent.js';

describe('what was asked for recently', () => {
  it('never holds more than its capacity, and keeps the last half of it', () => {
    const keys = fc.array(fc.integer({ min: 0, max: 40 }).map(String), { maxLength: 300 });
    fc.assert(
      fc.property(keys, fc.integer({ min: 2, max: 30 }), (asked, capacity) => {
        const recent = new Recent<string>(capacity);
        const order: string[] = [];
        for (const key of asked) {
          const kept = order.slice(-Math.floor(capacity / 2));
          const found = recent.get(key);
          if (kept.includes(key)) expect(found).toBe(key);
          if (found === undefined) recent.set(key, key);
          expect(recent.size).toBeLessThanOrEqual(capacity);
          const before = order.indexOf(key);
          if (before >= 0) order.splice(before, 1);
          order.push(key);
        }
      }),
    );
  });
});
