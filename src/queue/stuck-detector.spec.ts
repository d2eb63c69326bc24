import type { ConsumerActivity, QueueCounts } from './job-queue.js';
import { StuckDetector } from './stuck-detector.js';

const idle: ConsumerActivity = {
  type: 'booking.fulfil',
  concurrency: 2,
  running: 0,
  deadlineMs: 10_000,
  oldestRunningSince: null,
  lastDeliveryAt: null,
};
const at = (ms: number): string => new Date(ms).toISOString();
const waiting = (count: number, paused = false): QueueCounts => ({
  paused,
  types: {
    'booking.admit': { waiting: 0, active: 0, delayed: 0, dead: 0 },
    'booking.fulfil': { waiting: count, active: 0, delayed: 0, dead: 0 },
  },
});

describe('A consumer', () => {
  it('is idle, not stuck, while nothing waits', () => {
    const detector = new StuckDetector(1000);
    for (const now of [0, 5000, 50_000]) expect(detector.check(waiting(0), [idle], now)).toEqual([]);
  });

  it('is not stuck when a job arrives after a long quiet time', () => {
    const detector = new StuckDetector(1000);
    detector.check(waiting(0), [{ ...idle, lastDeliveryAt: at(0) }], 50_000);
    expect(detector.check(waiting(3), [{ ...idle, lastDeliveryAt: at(0) }], 60_000)).toEqual([]);
  });

  it('is stuck when jobs wait and it starts none', () => {
    const detector = new StuckDetector(1000);
    expect(detector.check(waiting(3), [idle], 10_000)).toEqual([]);
    expect(detector.check(waiting(4), [idle], 10_900)).toEqual([]);
    expect(detector.check(waiting(5), [idle], 11_000)).toEqual(['booking.fulfil']);
  });

  it('is not stuck while it starts jobs, however many wait', () => {
    const detector = new StuckDetector(1000);
    for (let now = 10_000; now < 20_000; now += 800) {
      expect(detector.check(waiting(5000), [{ ...idle, lastDeliveryAt: at(now - 300) }], now)).toEqual([]);
    }
  });

  it('is not stuck while paused or while all its places are taken', () => {
    const detector = new StuckDetector(1000);
    const full = { ...idle, running: 2, oldestRunningSince: at(9000) };
    for (const now of [10_000, 12_000, 14_000]) {
      expect(detector.check(waiting(5, true), [idle], now)).toEqual([]);
      expect(detector.check(waiting(5), [full], now)).toEqual([]);
    }
  });

  it('is stuck when a delivery outlives its deadline by the same patience', () => {
    const detector = new StuckDetector(1000);
    const held = { ...idle, running: 1, oldestRunningSince: at(0) };
    expect(detector.check(waiting(0), [held], 10_900)).toEqual([]);
    expect(detector.check(waiting(0), [held], 11_100)).toEqual(['booking.fulfil']);
  });
});
