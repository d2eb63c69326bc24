import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { TransientMap } from './transient-map.js';

describe('a transient map', () => {
  it('holds what a map holds, whatever was set, deleted and cleared before', () => {
    const key = fc.integer({ min: 0, max: 40 });
    const step = fc.oneof(
      { weight: 20, arbitrary: fc.record({ op: fc.constant('set' as const), key }) },
      { weight: 10, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('clear' as const), key }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('many' as const), key }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const map = new TransientMap<number, number>();
        const model = new Map<number, number>();
        steps.forEach(({ op, key: at }, value) => {
          // Enough for a new generation, and gone at once.
          for (let other = 1000; op === 'many' && other < 2100; other++) {
            map.set(other, value);
            map.delete(other);
          }
          if (op === 'set') {
            map.set(at, value);
            model.set(at, value);
          } else if (op === 'delete') {
            map.delete(at);
            model.delete(at);
          } else if (op === 'clear') {
            map.clear();
            model.clear();
          }
          expect(map.get(at)).toBe(model.get(at));
          expect(map.size).toBe(model.size);
        });
        for (let at = 0; at <= 40; at++) expect(map.get(at)).toBe(model.get(at));
      }),
      { numRuns: 60 },
    );
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
