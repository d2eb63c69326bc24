import { Buckets } from './buckets.js';

const WINDOW_MS = 60_000;

describe('the buckets of a limit', () => {
  const buckets = (): Buckets =>
    new Buckets('customer', { limit: 10, windowMs: WINDOW_MS }, 1_000_000, 10, () => false);

  it('remember whoever used something within the window, and nobody else', () => {
    const all = buckets();
    const now = (second: number): number => second * 1000;
    for (let second = 0; second < 600; second += 1) all.take(`fan-${second}`, 1, now(second));
    // those of this window and of the one before it
    expect(all.size).toBeLessThanOrEqual(120);
    expect(all.size).toBeGreaterThanOrEqual(60);
  });

  it('forget nothing that counts', () => {
    const all = buckets();
    all.take('first', 1, 0);
    expect(all.take('heavy', 10, 59_000).allowed).toBe(true);
    for (let ms = 59_000; ms < 118_000; ms += 1000) all.take(`other-${ms}`, 1, ms);
    expect(all.take('heavy', 10, 118_999).allowed).toBe(false);
    expect(all.take('heavy', 10, 119_000).allowed).toBe(true);
  });
});
