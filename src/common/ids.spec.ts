import { isId, numberIn, TimeOrderedIds } from './ids.js';

describe('Identifiers', () => {
  const ids = new TimeOrderedIds();

  it('are UUIDs of version 7 that never come twice', () => {
    const made = Array.from({ length: 10_000 }, () => ids.next());
    expect(new Set(made).size).toBe(made.length);
    for (const id of made) expect(isId(id) && id[14] === '7').toBe(true);
  });

  it('carry the number in which their process made them, again and again from 0 to 2,047', () => {
    const numbers = Array.from({ length: 5000 }, () => numberIn(ids.next()) ?? NaN);
    const [first = NaN] = numbers;
    expect(numbers).toEqual(numbers.map((_, index) => (first + index) % 2048));
  });

  it('differ in all the rest whatever their number', () => {
    const rests = Array.from({ length: 5000 }, () => ids.next().slice(19));
    expect(new Set(rests).size).toBe(rests.length);
  });

  it('of others have no number', () => {
    expect(numberIn('9b2f4f5e-6f1c-4c1b-8f5e-0d3f6a7b8c9d')).toBeNull();
    expect(numberIn('concert:standing')).toBeNull();
  });
});
