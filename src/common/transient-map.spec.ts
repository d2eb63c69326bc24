import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { TransientMap } from './transient-map.js';

describe('a transient map', () => {
  it('holds what a map holds, whatever was set, deleted and cleared before', () => {
    const key = fc.integer({ min: 0, max: 5 });
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ op: fc.constant('set' as const), key }) },
      { weight: 3, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('clear' as const), key }) },
      // a turn of the generation falls anywhere, also on a key that is held
      {
        weight: 6,
        arbitrary: fc.record({ op: fc.constant('fill' as const), key: fc.integer({ min: 1026, max: 1036 }) }),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const map = new TransientMap<number, object>();
        const model = new Map<number, object>();
        for (const { op, key: at } of steps) {
          const value = { at };
          if (op === 'set') {
            map.set(at, value);
            model.set(at, value);
          } else if (op === 'delete') {
            map.delete(at);
            model.delete(at);
          } else if (op === 'clear') {
            map.clear();
            model.clear();
          } else {
            for (let other = 10; other < at; other++) {
              map.set(other, value);
              map.delete(other);
            }
          }
          expect(map.size).toBe(model.size);
          for (let held = 0; held <= 5; held++) expect(map.get(held)).toBe(model.get(held));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps no second copy of a key that is set anew as a generation ends', () => {
    const map = new TransientMap<number, object>();
    for (let key = 0; key < 1024; key++) map.set(key, {});
    map.set(0, {});
    expect(map.size).toBe(1024);
    map.delete(0);
    expect(map.get(0)).toBeUndefined();
  });

  it.each([
    ['deleted', 10],
    ['cleared', 1],
  ])('lets go of what was %s without a full collection', (how, batchesToCollection) => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;
    const old = (): number =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? NaN;
    const map = new TransientMap<number, readonly number[]>();
    const batch = 300;
    map.set(-1, []);
    for (let times = 0; times < 3; times++) collect({ type: 'minor' });
    const grown: number[] = [];
    const before = old();
    for (let next = 0; next < 400 * batch; next += batch) {
      for (let key = next; key < next + batch; key++) map.set(key, new Array<number>(125).fill(key));
      if (how === 'cleared') map.clear();
      else for (let key = next - batch; key < next; key++) map.delete(key);
      if (next % (batchesToCollection * batch) !== 0) continue;
      collect({ type: 'minor' });
      grown.push(old() - before);
    }
    // 120 MB went through it; a `Map` leaves most of that for a full collection.
    expect(Math.max(...grown)).toBeLessThan(20_000_000);
  });
});
