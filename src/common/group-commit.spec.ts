import { setImmediate as turn } from 'node:timers/promises';
import { AppError } from './errors.js';
import { GroupCommit, type GroupCommitOptions } from './group-commit.js';

interface Item {
  readonly name: string;
  readonly key?: string;
}
const stays = (): boolean => false;

/** A group whose commits are held until released, the oldest first, and the batches that it saw. */
function heldGroup(options: Partial<GroupCommitOptions<Item, string>> = {}): {
  group: GroupCommit<Item, string>;
  batches: string[][];
  release(): Promise<void>;
} {
  const batches: string[][] = [];
  const ends: (() => void)[] = [];
  const group = new GroupCommit<Item, string>({
    commit: async (batch) => {
      batches.push(batch.map(({ name }) => name));
      await new Promise<void>((resolve) => ends.push(resolve));
      return batch.map(({ name }) => `${name} done`);
    },
    key: ({ name, key }) => key ?? name,
    blamesItem: () => false,
    maxBatch: 100,
    maxPending: 100,
    maxPerKey: 100,
    maxWaitMs: 1000,
    ...options,
  });
  const release = async (): Promise<void> => {
    ends.shift()?.();
    await turn();
    await turn();
  };
  return { group, batches, release };
}

describe('Group commit', () => {
  it('commits what arrives in one turn together, and what arrives meanwhile in the next batch, in order', async () => {
    const { group, batches, release } = heldGroup();
    const first = [group.submit({ name: 'a' }, stays), group.submit({ name: 'b' }, stays)];
    await turn();
    const next = [group.submit({ name: 'c' }, stays), group.submit({ name: 'd' }, stays)];
    await turn();
    expect(batches).toEqual([['a', 'b']]);
    await release();
    expect(batches).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    await release();
    expect(await Promise.all([...first, ...next])).toEqual(['a done', 'b done', 'c done', 'd done']);
    expect(group.size).toBe(0);
  });

  it('keeps items of one key apart, in the order in which they came', async () => {
    const { group, batches, release } = heldGroup();
    const items = [{ name: 'a', key: 'x' }, { name: 'b', key: 'x' }, { name: 'c', key: 'x' }, { name: 'd' }];
    const answers = items.map((item) => group.submit(item, stays));
    await turn();
    expect(batches).toEqual([['a', 'd']]);
    await release();
    await release();
    await release();
    expect(batches).toEqual([['a', 'd'], ['b'], ['c']]);
    await Promise.all(answers);
  });

  it('begins a second commit beside one under way once a crowd waits, and never a third', async () => {
    const ends: (() => void)[] = [];
    const sizes: number[] = [];
    const { group } = heldGroup({
      maxPending: 5000,
      maxBatch: 500,
      commit: async (batch) => {
        sizes.push(batch.length);
        await new Promise<void>((resolve) => ends.push(resolve));
        return batch.map(({ name }) => name);
      },
    });
    let named = 0;
    const arrive = async (count: number): Promise<unknown[]> => {
      const answers = Array.from({ length: count }, () => group.submit({ name: String(named++) }, stays));
      await turn();
      return answers;
    };
    const end = async (which: number): Promise<void> => {
      ends.splice(which, 1)[0]?.();
      await turn();
      await turn();
    };
    const answers = [...(await arrive(1)), ...(await arrive(127))];
    expect(sizes).toEqual([1]);
    answers.push(...(await arrive(73)), ...(await arrive(300)));
    expect(sizes).toEqual([1, 200]);
    // The later one ends first: where a crowd waits, the next begins in its place, beside the first.
    await end(1);
    expect(sizes).toEqual([1, 200, 300]);
    answers.push(...(await arrive(10)));
    await end(1);
    expect(sizes).toEqual([1, 200, 300]);
    await end(0);
    expect(sizes).toEqual([1, 200, 300, 10]);
    const drained = group.drain();
    await end(0);
    await drained;
    expect(await Promise.all(answers)).toEqual(Array.from({ length: named }, (_, n) => String(n)));
  });

  it('leaves to the next commit the few whom the first of a crowd had no room for', async () => {
    const { group, batches, release } = heldGroup({ maxPending: 500, maxBatch: 200 });
    const answers = Array.from({ length: 201 }, (_, n) => group.submit({ name: String(n) }, stays));
    await turn();
    await turn();
    expect(batches.map(({ length }) => length)).toEqual([200]);
    await release();
    await release();
    expect(batches.map(({ length }) => length)).toEqual([200, 1]);
    await Promise.all(answers);
  });

  it('fills a batch to its bound and no further', async () => {
    const { group, batches, release } = heldGroup({ maxBatch: 2 });
    const answers = ['a', 'b', 'c'].map((name) => group.submit({ name }, stays));
    await turn();
    await release();
    await release();
    await Promise.all(answers);
    expect(batches).toEqual([['a', 'b'], ['c']]);
  });

  it('refuses more than may wait, and what has waited too long', async () => {
    let now = 0;
    const { group, batches, release } = heldGroup({ maxPending: 1, maxWaitMs: 50, now: () => now });
    const first = group.submit({ name: 'a' }, stays);
    await turn();
    const second = group.submit({ name: 'b' }, stays);
    await expect(group.submit({ name: 'c' }, stays)).rejects.toMatchObject({
      code: 'OVERLOADED',
      details: { retryAfterSeconds: 1 },
    });
    now = 51;
    const late = expect(second).rejects.toMatchObject({ code: 'OVERLOADED' });
    await release();
    await late;
    expect(await first).toBe('a done');
    expect(batches).toEqual([['a']]);
  });

  it('refuses more of one key than may wait, and goes on taking everybody else', async () => {
    const { group, batches, release } = heldGroup({ maxPerKey: 3 });
    const same = { name: 'same', key: 'x' };
    const answers = [group.submit({ name: 'first' }, stays)];
    await turn();
    for (let n = 0; n < 3; n++) answers.push(group.submit(same, stays));
    for (let n = 0; n < 1000; n++) {
      await expect(group.submit({ name: 'more', key: 'x' }, stays)).rejects.toMatchObject({
        code: 'OVERLOADED',
        details: { retryAfterSeconds: 1 },
      });
    }
    answers.push(group.submit({ name: 'other' }, stays));
    expect(group.size).toBe(4);
    await release();
    expect(batches.at(-1)).toEqual(['same', 'other']);
    // One of three was taken: there is room for one more.
    answers.push(group.submit(same, stays));
    await expect(group.submit(same, stays)).rejects.toMatchObject({ code: 'OVERLOADED' });
    for (let n = 0; n < 4; n++) await release();
    await Promise.all(answers);
    expect(batches).toEqual([['first'], ['same', 'other'], ['same'], ['same'], ['same']]);
  });

  it('lets nobody who comes after a flood of one key wait for more than the batch under way', async () => {
    const { group, batches, release } = heldGroup({ maxBatch: 3, maxPending: 10_000, maxPerKey: 10_000 });
    const flood = Array.from({ length: 5000 }, () => group.submit({ name: 'flood', key: 'x' }, stays));
    for (const promise of flood) promise.catch(() => undefined);
    await turn();
    const others = ['a', 'b', 'c', 'd'].map((name) => group.submit({ name }, stays));
    await release();
    await release();
    await Promise.race([Promise.all(others), release()]);
    expect(batches.slice(0, 3)).toEqual([['flood'], ['flood', 'a', 'b'], ['c', 'd', 'flood']]);
  });

  it('lets who waited behind one that is dropped take its place in the same batch, but not beside its own kind', async () => {
    const { group, batches, release } = heldGroup();
    const first = group.submit({ name: 'a' }, stays);
    await turn();
    const dropped = group.submit({ name: 'b', key: 'x' }, () => true);
    const told = expect(dropped).rejects.toBeInstanceOf(AppError);
    const rest = [
      group.submit({ name: 'c' }, stays),
      group.submit({ name: 'd', key: 'x' }, stays),
      group.submit({ name: 'e', key: 'x' }, stays),
    ];
    await release();
    await told;
    expect(batches).toEqual([['a'], ['c', 'd']]);
    await release();
    await release();
    await Promise.all([first, ...rest]);
    expect(batches).toEqual([['a'], ['c', 'd'], ['e']]);
    expect(group.size).toBe(0);
  });

  it('drops an item whose caller has gone before its commit begins, and not one whose commit has begun', async () => {
    const { group, batches, release } = heldGroup();
    let gone = false;
    const first = group.submit({ name: 'a' }, () => gone);
    await turn();
    const second = group.submit({ name: 'b' }, () => gone);
    const dropped = expect(second).rejects.toBeInstanceOf(AppError);
    gone = true;
    await release();
    await dropped;
    expect(await first).toBe('a done');
    expect(batches).toEqual([['a']]);
  });

  it('halves a batch until the item to blame fails alone', async () => {
    const commits: string[][] = [];
    const group = new GroupCommit<Item, string>({
      commit: async (batch) => {
        commits.push(batch.map(({ name }) => name));
        if (batch.some(({ name }) => name === 'bad')) throw new Error('data');
        return batch.map(({ name }) => name);
      },
      key: ({ name }) => name,
      blamesItem: () => true,
      maxBatch: 100,
      maxPending: 100,
      maxPerKey: 100,
      maxWaitMs: 1000,
    });
    const names = ['a', 'b', 'c', 'bad', 'd', 'e', 'f', 'g'];
    const answers = await Promise.allSettled(names.map((name) => group.submit({ name }, stays)));
    expect(answers.map(({ status }) => status === 'fulfilled')).toEqual(names.map((name) => name !== 'bad'));
    expect(commits.length).toBeLessThanOrEqual(7);
  });

  it('fails the whole batch of an error that no item is to blame for, and goes on with the next', async () => {
    let failing = true;
    const group = new GroupCommit<Item, string>({
      commit: async (batch) => {
        if (failing) throw new Error('the database is away');
        return batch.map(({ name }) => name);
      },
      key: ({ name }) => name,
      blamesItem: () => false,
      maxBatch: 100,
      maxPending: 100,
      maxPerKey: 100,
      maxWaitMs: 1000,
    });
    const answers = await Promise.allSettled(
      [{ name: 'a' }, { name: 'b' }].map((i) => group.submit(i, stays)),
    );
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    failing = false;
    expect(await group.submit({ name: 'c' }, stays)).toBe('c');
  });

  it('forgets who was taken, however many came between two of one key', async () => {
    for (let between = 1021; between <= 1026; between++) {
      const { group, release } = heldGroup({ maxPending: 5000, maxBatch: 500 });
      const answered = new Set<string>();
      const submit = (name: string, key = name): void =>
        void group.submit({ name, key }, stays).then(() => answered.add(name));
      submit('first');
      await turn();
      submit('a', 'shared');
      for (let other = 0; other < between; other++) submit(`${other}`);
      submit('b', 'shared');
      // Others wait all the while, so that never everybody is taken at once.
      for (let round = 0; !answered.has('b'); round++) {
        for (let late = 0; late < 500; late++) submit(`${round} ${late}`);
        await release();
      }
      submit('c', 'shared');
      for (let round = 0; round < 10; round++) await release();
      expect([between, group.size, answered.has('c')]).toEqual([between, 0, true]);
    }
  });

  it('drains once everything that was taken is answered', async () => {
    const { group, release } = heldGroup();
    await group.drain();
    const answer = group.submit({ name: 'a' }, stays);
    let drained = false;
    const draining = group.drain().then(() => (drained = true));
    await turn();
    expect(drained).toBe(false);
    await release();
    await draining;
    expect(await answer).toBe('a done');
  });
});
