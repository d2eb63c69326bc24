import { share } from './sticky-assigner.js';

const slots = (topic: string, count: number) =>
  Array.from({ length: count }, (_, partition) => [topic, partition] as const);
const work = [...slots('a', 12), ...slots('b', 3)];
const sizes = (shares: ReadonlyMap<string, Record<string, number[]>>, topic: string): number[] =>
  [...shares.values()].map((mine) => mine[topic]?.length ?? 0).sort((x, y) => x - y);

describe('The sticky assigner', () => {
  it('gives each partition to one member, evenly for each topic', () => {
    const members = ['m1', 'm2', 'm3', 'm4', 'm5'].map((id) => ({ id, has: {} }));
    const shares = share(work, members);
    expect(sizes(shares, 'a')).toEqual([2, 2, 2, 3, 3]);
    expect(sizes(shares, 'b')).toEqual([0, 0, 1, 1, 1]);
    const all = [...shares.values()].flatMap((mine) => mine['a'] ?? []).sort((x, y) => x - y);
    expect(all).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });

  it('leaves what a member has where it is, as far as that is even', () => {
    const before = share(work, [
      { id: 'm1', has: {} },
      { id: 'm2', has: {} },
      { id: 'm3', has: {} },
    ]);
    const members = [...before].map(([id, has]) => ({ id, has }));
    const after = share(work, [...members, { id: 'm0', has: {} }]);
    for (const { id, has } of members) {
      for (const partition of after.get(id)?.['a'] ?? []) expect(has['a']).toContain(partition);
    }
    expect(sizes(after, 'a')).toEqual([3, 3, 3, 3]);
  });

  it('gives what a member leaves to those who stay, and takes nothing from them', () => {
    const before = share(
      work,
      ['m1', 'm2', 'm3'].map((id) => ({ id, has: {} })),
    );
    const staying = [...before].map(([id, has]) => ({ id, has })).filter(({ id }) => id !== 'm2');
    const after = share(work, staying);
    for (const { id, has } of staying) {
      expect(after.get(id)?.['a']).toEqual(expect.arrayContaining(has['a'] ?? []));
    }
  });

  it('believes only one of two members that say they have the same', () => {
    const has = { a: [0, 1, 2, 3, 4, 5] };
    const shares = share(slots('a', 6), [
      { id: 'm1', has },
      { id: 'm2', has },
    ]);
    expect([...shares.values()].flatMap((mine) => mine['a'] ?? []).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(sizes(shares, 'a')).toEqual([3, 3]);
  });
});
