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

  it('goes along with the next taking of jobs, and in a command of its own where none follows', async () => {
    const told: unknown[] = [];
    const run = (_script: unknown, _keys: unknown, [, ...ids]: readonly unknown[]): Promise<unknown> => {
      told.push(ids);
      return Promise.resolve();
    };
    const done = new Acknowledgements({ run }, keysOf('spec')['booking.admit'], () => undefined);
    const first = done.along(() => sleep(5));
    done.add({ position: 3, id: '1-0' });
    await first;
    const second = done.along(async (ids) => {
      told.push(ids);
      await sleep(5);
    });
    done.add({ position: 1, id: '2-0' });
    done.add({ position: 1, id: '3-0' });
    expect(told).toEqual([[[], [], ['1-0'], []]]);
    await second;
    await done.told();
    expect(told.slice(1)).toEqual([['2-0', '3-0']]);
  });

  it('is owed until Redis has answered, and told again where the command it went along with failed', async () => {
    const told: unknown[] = [];
    const run = async (_script: unknown, _keys: unknown, [, ...ids]: readonly unknown[]): Promise<void> => {
      expect(done.owed()).toEqual([{ position: 2, id: '1-0' }]);
      await sleep(5);
      told.push(ids);
    };
    const done = new Acknowledgements({ run }, keysOf('spec')['booking.admit'], () => undefined);
    const first = done.along(() => sleep(5));
    done.add({ position: 2, id: '1-0' });
    await first;
    await expect(done.along(() => Promise.reject(new Error('the connection is gone')))).rejects.toThrow(
      'gone',
    );
    expect(done.owed()).toEqual([{ position: 2, id: '1-0' }]);
    await done.told();
    expect(told).toEqual([['1-0']]);
    expect(done.owed()).toEqual([]);
  });
});
