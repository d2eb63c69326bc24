import { setTimeout as sleep } from 'node:timers/promises';
import { Commits } from './commits.js';
import { EMPTY_NOTE, type OffsetNote } from './offset-note.js';
import { type Entry, PartitionWork } from './partition-work.js';

type Job = Entry<'booking.admit'>;

const opened: Commits<'booking.admit'>[] = [];
afterEach(() => {
  for (const commits of opened.splice(0)) commits.close();
});

/** A partition with jobs in hand, and a broker that writes down what it is told. */
function setUp({ jobs = 3, isBusy = false, note = EMPTY_NOTE }: SetUp = {}) {
  const work = new PartitionWork<'booking.admit'>('topic', 0, false);
  work.begin(0, note);
  const entries = Array.from({ length: jobs }, (_, offset) => {
    const jobId = `job-${offset}`;
    const message = {
      ...{ jobId, type: 'booking.admit' as const, data: { offerId: 'offer' } },
      timestamp: new Date(0).toISOString(),
    };
    const added = work.add(offset, null, {
      ...{ message, priority: 'normal' as const, failures: 0, crashes: 0, notBefore: 0 },
    });
    if (added === null) throw new Error('not in hand');
    return added.entry;
  });
  const broker = { told: [] as string[][], refusals: 0, reports: 0 };
  let next: readonly Job[] = [];
  const commits = new Commits<'booking.admit'>({
    held: [work],
    commit: (_works, noting) => {
      broker.told.push([...noting].map(({ envelope }) => envelope.message.jobId));
      work.dirty = broker.refusals > 0;
      if (broker.refusals === 0) return Promise.resolve();
      broker.refusals -= 1;
      return Promise.reject(new Error('refused'));
    },
    next: () => next.filter(({ noted }) => !noted),
    isBusy: () => isBusy,
    onTold: () => undefined,
    report: () => (broker.reports += 1),
  });
  opened.push(commits);
  const offer = (...list: readonly Job[]): void => void (next = list);
  return { entries, broker, commits, offer };
}

interface SetUp {
  readonly jobs?: number;
  readonly isBusy?: boolean;
  readonly note?: OffsetNote;
}

const soon = (): Promise<void> => sleep(5);

function first(entries: readonly Job[]): Job {
  const [entry] = entries;
  if (entry === undefined) throw new Error('none in hand');
  return entry;
}

describe('Telling the broker', () => {
  it('comes before a job starts, where no more wait than can run', async () => {
    const { entries, broker, commits, offer } = setUp();
    const job = first(entries);
    offer(job);
    expect(commits.mayStart(job)).toBe(false);
    await soon();
    expect(broker.told).toEqual([['job-0']]);
    expect(commits.mayStart(job)).toBe(true);
    // the others were not told of
    expect(entries.slice(1).map((other) => commits.mayStart(other))).toEqual([false, false]);
  });

  it('is overtaken by 2048 jobs at most while many wait, the next telling asked for after half of them', async () => {
    const { entries, broker, commits, offer } = setUp({ jobs: 3000, isBusy: true });
    offer(first(entries));
    commits.soon(0);
    await soon();
    const rest = entries.slice(1);
    offer();
    const started = rest.filter((job) => {
      const mayStart = commits.mayStart(job);
      if (mayStart) job.work.mark(job);
      return mayStart;
    });
    expect(started).toHaveLength(2048);
    await soon();
    expect(broker.told.length).toBeGreaterThan(1);
  });

  it('is overtaken by no job of a partition whose consumer died, nor by any once partitions were lost', async () => {
    const note = { ...EMPTY_NOTE, running: new Map([[0, 1]]) };
    const after = setUp({ isBusy: true, note });
    after.offer(first(after.entries));
    after.commits.soon(0);
    await soon();
    expect(after.entries.map((job) => after.commits.mayStart(job))).toEqual([true, false, false]);

    const { entries, commits, offer } = setUp({ isBusy: true });
    offer(first(entries));
    commits.soon(0);
    await soon();
    offer();
    expect(entries.slice(1, 2).map((job) => commits.mayStart(job))).toEqual([true]);
    commits.lost();
    expect(entries.slice(2).map((job) => commits.mayStart(job))).toEqual([false]);
  });

  it('is tried again when it was refused; until then nothing counts as told', async () => {
    const { entries, broker, commits, offer } = setUp();
    const job = first(entries);
    offer(job);
    broker.refusals = 1;
    commits.soon(0);
    await soon();
    expect([broker.reports, job.noted]).toEqual([1, false]);
    await sleep(300);
    expect(broker.told.slice(0, 2)).toEqual([['job-0'], ['job-0']]);
    expect(job.noted).toBe(true);
  });

  it('ends with its owner', async () => {
    const { entries, broker, commits, offer } = setUp();
    offer(...entries);
    commits.soon(1);
    commits.close();
    commits.soon(0);
    await soon();
    expect(broker.told).toEqual([]);
  });
});
