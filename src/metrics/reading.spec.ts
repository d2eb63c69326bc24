import { Reading } from './reading.js';

const limits = { maxAgeMs: 1000, limitMs: 30 };

describe('a reading', () => {
  it('is taken once for all who ask, and again only when it is old', async () => {
    let time = 0;
    let reads = 0;
    const reading = new Reading(
      async () => await Promise.resolve(++reads),
      limits,
      () => time,
    );
    expect(await Promise.all([reading.get(), reading.get(), reading.get()])).toEqual([1, 1, 1]);
    time = 999;
    expect(await reading.get()).toBe(1);
    time = 1000;
    expect(await reading.get()).toBe(2);
  });

  it('keeps nobody waiting for a source that hangs, nor asks it twice at once', async () => {
    let reads = 0;
    let answer: (value: string) => void = () => undefined;
    const reading = new Reading(() => {
      reads += 1;
      return new Promise<string>((resolve) => (answer = resolve));
    }, limits);
    expect(await reading.get()).toBeNull();
    expect(await reading.get()).toBeNull();
    expect(reads).toBe(1);
    answer('late');
    expect(await reading.get()).toBe('late');
  });

  it('is nothing when the source fails, and is tried again', async () => {
    const answers = [() => Promise.reject(new Error('away')), () => Promise.resolve('here')];
    const reading = new Reading(
      async () => await (answers.shift() ?? (() => Promise.resolve('more')))(),
      limits,
    );
    expect(await reading.get()).toBeNull();
    expect(await reading.get()).toBe('here');
  });
});
