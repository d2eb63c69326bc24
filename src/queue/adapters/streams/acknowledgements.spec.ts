import { setTimeout as sleep } from 'node:timers/promises';
import { Acknowledgements } from './acknowledgements.js';
import { keysOf } from './keys.js';

describe('What is done', () => {
  it('is told to Redis, also what is done in the moment in which the last telling ends', async () => {
    // the moment is some turn of the queue of microtasks after the answer: each is tried
    for (let turns = 0; turns < 20; turns += 1) {
      const told: unknown[] = [];
      const run = (_script: unknown, _keys: unknown, [, ids]: readonly unknown[]): Promise<unknown> => {
        told.push(ids);
        if (ids === '1-0') void addAfter(turns);
        return Promise.resolve();
      };
      const done = new Acknowledgements({ run }, keysOf('spec')['booking.admit'], () => undefined);
      const addAfter = async (count: number): Promise<void> => {
        for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
        done.add({ position: 3, id: '2-0' });
      };
      done.add({ position: 3, id: '1-0' });
      await sleep(5);
      await done.told();
      expect(told).toEqual(['1-0', '2-0']);
    }
  });
});
