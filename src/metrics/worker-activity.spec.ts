import { isStuck } from './worker-activity.js';

const startedAt = new Date('2030-01-01T10:00:00Z');
const after = (seconds: number): Date => new Date(startedAt.getTime() + seconds * 1000);
const stuckAt = (
  seconds: number,
  status: { running?: number; backlog?: boolean; progressAfter?: number },
): boolean =>
  isStuck(
    {
      running: status.running ?? 0,
      backlog: status.backlog ?? false,
      lastProgressAt: status.progressAfter === undefined ? null : after(status.progressAfter),
    },
    { startedAt, now: after(seconds), jobDeadlineMs: 60_000 },
  );

describe('a worker', () => {
  it('that has nothing to do is idle, however long', () => {
    expect(stuckAt(86_400, {})).toBe(false);
    expect(stuckAt(86_400, { progressAfter: 1 })).toBe(false);
  });

  it('that takes no work while there is some is stuck after 15 seconds', () => {
    expect(stuckAt(14, { backlog: true })).toBe(false);
    expect(stuckAt(16, { backlog: true })).toBe(true);
    expect(stuckAt(100, { backlog: true, progressAfter: 90 })).toBe(false);
    expect(stuckAt(106, { backlog: true, progressAfter: 90 })).toBe(true);
  });

  it('that is busy with long jobs is not stuck until their deadline has passed without a word', () => {
    expect(stuckAt(74, { running: 4, backlog: true })).toBe(false);
    expect(stuckAt(76, { running: 4, backlog: true })).toBe(true);
    expect(stuckAt(76, { running: 1 })).toBe(true);
    expect(stuckAt(76, { running: 1, progressAfter: 30 })).toBe(false);
  });
});
