import type { Shown } from '../../../scripts/rehearse/answers.js';
import { Watch } from '../../../scripts/rehearse/watch.js';
import type { LineEvent } from '../../../src/realtime/events.js';

const shown = (change: Partial<Shown>): Shown => ({
  bookingId: 'b',
  seq: 40,
  state: 'waiting',
  reason: null,
  position: 40,
  version: 10,
  progress: 0,
  holdMs: null,
  ticketCodes: [],
  ...change,
});

const line = (change: Partial<LineEvent>): LineEvent => ({
  offerId: 'o',
  stay: null,
  version: 11,
  front: 1,
  last: 100,
  waiting: 100,
  bucketSize: 10,
  departed: [],
  grantsPerMinute: 0,
  stock: { capacity: 1, available: 1, held: 0, sold: 0 },
  soldOut: null,
  serverTime: '2026-01-01T00:00:00.000Z',
  ...change,
});

/** A client that has been shown these, in this order. */
const after = (...snapshots: Partial<Shown>[]): Watch => {
  const watch = new Watch('anna');
  for (const snapshot of snapshots) watch.see(shown(snapshot));
  return watch;
};

describe('what a client makes of what it is shown', () => {
  it('finds nothing wrong with a position that falls and states that follow', () => {
    const watch = after({}, { version: 11, position: 12 }, { version: 15, state: 'held', position: null });
    watch.see(shown({ version: 20, state: 'confirmed', position: null, progress: 100, ticketCodes: ['t'] }));
    expect(watch.violations).toEqual([]);
    expect(watch.states).toEqual(['waiting', 'held', 'confirmed']);
  });

  it('blames a position that rises', () => {
    expect(after({ position: 5 }, { version: 11, position: 6 }).violations).toEqual([
      'anna moved back from position 5 to at least 6 at version 11',
    ]);
  });

  it('blames states that cannot follow one another, however many it slept through', () => {
    expect(after({ state: 'sold_out' }, { version: 11, state: 'confirmed' }).violations[0]).toContain(
      'went from sold_out (version 10) to confirmed (version 11)',
    );
    expect(
      after({ state: 'paying', position: null }, { version: 12, state: 'held', position: null }).violations,
    ).toEqual([]);
  });

  it('ignores what is older than what it has seen', () => {
    const watch = after({ version: 12, state: 'held', position: null });
    expect(watch.see(shown({ version: 11 }))).toBe(false);
    expect(watch.shown?.state).toBe('held');
    expect(watch.violations).toEqual([]);
  });

  it('ignores a late event that knows less of the same version, and blames a code that is taken away', () => {
    const paid = { version: 12, state: 'paid', position: null } as const;
    const watch = after({ ...paid, progress: 50, ticketCodes: ['t'] });
    expect(watch.see(shown({ ...paid, progress: 20 }))).toBe(false);
    expect(watch.shown?.ticketCodes).toEqual(['t']);
    expect(watch.violations).toEqual([]);
    watch.see(shown({ ...paid, progress: 80 }));
    expect(watch.violations).toEqual(['anna lost a ticket code that it had been shown']);
  });

  it('blames an answer that is older than the version it sent along', () => {
    const watch = after({ version: 12 });
    watch.answered(shown({ version: 11 }), 12);
    expect(watch.violations).toEqual(['anna asked with version 12 and was answered version 11']);
  });

  it('places itself from line events, and never shows more than before', () => {
    const watch = after({ position: 30 });
    expect(watch.line(line({ departed: [[4, 2]] }))).toEqual({ kind: 'waiting', position: 40, least: 40 });
    expect(watch.violations[0]).toContain('moved back from position 30 to at least 40');
    const other = after({ position: 40 });
    other.line(line({ front: 31 }));
    expect([other.position, other.violations]).toEqual([10, []]);
    expect(other.line(line({ version: 10 }))).toBeNull();
  });

  it('does not blame a line event that leaves open who left its own bucket', () => {
    const watch = after({ seq: 47, position: 45 });
    watch.line(line({ departed: [[4, 2]] }));
    expect([watch.position, watch.violations]).toEqual([45, []]);
  });

  it('blames a duplicate that was answered otherwise', () => {
    const answer = (seq: number) => ({
      status: 202,
      body: { seq },
      retryAfterMs: null,
      sentAt: 0,
      answeredAt: 1,
    });
    const watch = after({});
    watch.sameAnswers(answer(1), answer(1));
    expect(watch.violations).toEqual([]);
    watch.sameAnswers(answer(1), answer(2));
    expect(watch.violations).toHaveLength(1);
  });
});
