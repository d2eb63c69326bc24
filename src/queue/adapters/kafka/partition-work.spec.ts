import { decodeNote, EMPTY_NOTE } from './offset-note.js';
import { type Entry, PartitionWork } from './partition-work.js';
import type { Envelope } from './record.js';

const envelope = (jobId: string): Envelope<'booking.fulfil'> => ({
  message: {
    jobId,
    type: 'booking.fulfil',
    data: { bookingId: jobId, fence: 1, correlationId: 'test' },
    timestamp: new Date(0).toISOString(),
  },
  priority: 'normal',
  failures: 0,
  crashes: 0,
  notBefore: 0,
});

/** A partition with jobs at these offsets in hand. */
function holding(offsets: readonly number[], begin = offsets[0] ?? 0) {
  const work = new PartitionWork<'booking.fulfil'>('topic', 0, true);
  work.begin(begin, EMPTY_NOTE);
  const entries = new Map<number, Entry<'booking.fulfil'>>();
  for (const offset of offsets) {
    const added = work.add(offset, `key ${offset}`, envelope(`job-${offset}`));
    if (added !== null) entries.set(offset, added.entry);
  }
  const done = (...list: number[]): void => {
    for (const offset of list) {
      const entry = entries.get(offset);
      if (entry !== undefined) work.done(entry);
    }
  };
  return { work, entries, done };
}

const commit = (work: PartitionWork<'booking.fulfil'>) => {
  const { offset, metadata } = work.commit(new Set(), false);
  return { offset, ...decodeNote(offset, metadata) };
};

describe('The work of a partition', () => {
  it('commits the first job that is not done, and tells of those behind it that are', () => {
    const { work, done } = holding([10, 11, 12, 13, 14, 15]);
    done(11, 12, 14);
    expect(commit(work)).toMatchObject({
      offset: 10,
      done: [
        [11, 12],
        [14, 14],
      ],
    });
    done(10);
    expect(commit(work)).toMatchObject({ offset: 13, done: [[14, 14]] });
    done(13, 15);
    expect(commit(work)).toMatchObject({ offset: 16, done: [] });
  });

  it('takes offsets that are not there for done', () => {
    const { work, done } = holding([10, 17]);
    done(10);
    expect(commit(work)).toMatchObject({ offset: 17, done: [] });
  });

  it('does not take again what its predecessor has done, and counts what crashed it', () => {
    const { work, entries, done } = holding([10, 11, 12]);
    const running = entries.get(10);
    if (running === undefined) throw new Error('not in hand');
    running.state = 'running';
    work.mark(running);
    done(11);
    const left = work.commit(new Set(), false);
    const heir = new PartitionWork<'booking.fulfil'>('topic', 0, true);
    heir.begin(left.offset, decodeNote(left.offset, left.metadata));
    const again = [10, 11, 12].map((offset) => heir.add(offset, null, envelope(`job-${offset}`))?.entry);
    expect(again.map((entry) => entry?.crashes)).toEqual([1, undefined, 0]);
    expect(again[0] !== undefined && heir.isCareful(again[0])).toBe(true);
    // and hands on what it knows, also of what it has not read yet
    const early = new PartitionWork<'booking.fulfil'>('topic', 0, true);
    early.begin(left.offset, decodeNote(left.offset, left.metadata));
    expect(commit(early)).toMatchObject({ offset: 10, crashed: new Map([[10, 1]]), done: [[11, 11]] });
  });

  it('tells of no job that was done before the broker had heard that it runs', () => {
    const { work, entries, done } = holding([10, 11]);
    const [quick, slow] = [entries.get(10), entries.get(11)];
    if (quick === undefined || slow === undefined) throw new Error('not in hand');
    // both are in a commit that is under way
    work.commit(new Set([quick, slow]), false);
    done(10);
    work.dirty = false;
    work.told(quick);
    work.told(slow);
    slow.state = 'running';
    work.mark(slow);
    // what the broker knows already is no news
    expect(work.dirty).toBe(false);
    expect(commit(work)).toMatchObject({ offset: 11, running: new Map([[11, 1]]) });
    done(11);
    expect(work.commit(new Set(), false)).toEqual({ offset: 12, metadata: '' });
  });

  it('calls nothing crashed that was handed over', () => {
    const { work, entries } = holding([10]);
    const running = entries.get(10);
    if (running === undefined) throw new Error('not in hand');
    running.state = 'running';
    work.mark(running);
    const { offset, metadata } = work.commit(new Set(), true);
    expect(decodeNote(offset, metadata)).toEqual(EMPTY_NOTE);
  });

  it('keeps jobs of one key one behind the other, and one of two with the same id', () => {
    const work = new PartitionWork<'booking.fulfil'>('topic', 0, true);
    work.begin(-1, EMPTY_NOTE);
    const first = work.add(0, 'key', envelope('a'));
    const second = work.add(1, 'key', envelope('b'));
    expect([first?.isReady, second?.isReady]).toEqual([true, false]);
    expect(work.add(2, 'key', envelope('a'))).toBeNull();
    if (first === null) throw new Error('not in hand');
    expect(work.done(first.entry)).toBe(second?.entry);
    expect(work.size).toBe(1);
  });
});
