import { StuckWatch, type WorkerStatus } from './worker-activity.js';

const at = (seconds: number): number => Date.UTC(2030, 0, 1, 10) + seconds * 1000;
const idle: WorkerStatus = { running: 0, lastProgressAt: null, backlog: false };

describe('a worker', () => {
  let watch: StuckWatch;
  beforeEach(() => {
    watch = new StuckWatch(60_000);
  });
  const stuckAt = (seconds: number, status: Partial<WorkerStatus>): boolean =>
    watch.isStuck({ ...idle, ...status }, at(seconds));

  it('that has nothing to do is idle, however long', () => {
    for (const seconds of [0, 60, 86_400]) expect(stuckAt(seconds, {})).toBe(false);
  });

  it('is not stuck by the first job after a quiet night', () => {
    const lastProgressAt = new Date(at(0));
    expect(stuckAt(0, { lastProgressAt })).toBe(false);
    expect(stuckAt(36_000, { lastProgressAt, backlog: true })).toBe(false);
    expect(stuckAt(36_014, { lastProgressAt, backlog: true })).toBe(false);
  });

  it('that takes no work while there is some is stuck after 15 seconds', () => {
    expect(stuckAt(0, { backlog: true })).toBe(false);
    expect(stuckAt(14, { backlog: true })).toBe(false);
    expect(stuckAt(16, { backlog: true })).toBe(true);
    const lastProgressAt = new Date(at(17));
    expect(stuckAt(31, { backlog: true, lastProgressAt })).toBe(false);
    expect(stuckAt(33, { backlog: true, lastProgressAt })).toBe(true);
  });

  it('that is busy with long jobs is not stuck until their deadline has passed without a word', () => {
    expect(stuckAt(0, { running: 4, backlog: true })).toBe(false);
    expect(stuckAt(74, { running: 4, backlog: true })).toBe(false);
    expect(stuckAt(76, { running: 1 })).toBe(true);
    expect(stuckAt(77, { running: 1, lastProgressAt: new Date(at(30)) })).toBe(false);
  });

  it('is well again once the backlog is gone', () => {
    stuckAt(0, { backlog: true });
    expect(stuckAt(20, { backlog: true })).toBe(true);
    expect(stuckAt(21, {})).toBe(false);
    expect(stuckAt(22, { backlog: true })).toBe(false);
  });
});
