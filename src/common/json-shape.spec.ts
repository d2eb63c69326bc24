import fc from 'fast-check';
import { hasModestShape, MAX_DEPTH, MAX_VALUES } from './json-shape.js';

const padded = (text: string): string => text + ' '.repeat(600);
const nested = (levels: number): string => '[{"a":'.repeat(levels / 2) + '1' + '}]'.repeat(levels / 2);

describe('the shape of a body', () => {
  it('is modest to the last level and value that are allowed, and no further', () => {
    expect(hasModestShape(padded(nested(MAX_DEPTH)))).toBe(true);
    expect(hasModestShape(padded(nested(MAX_DEPTH + 2)))).toBe(false);
    const list = (values: number): string => JSON.stringify(Array<number>(values).fill(1));
    expect(hasModestShape(list(MAX_VALUES))).toBe(true);
    expect(hasModestShape(list(MAX_VALUES + 1))).toBe(false);
  });

  it('is not looked for in strings, nor where there is hardly any text', () => {
    expect(hasModestShape(JSON.stringify({ a: '[{,"\\'.repeat(500) }))).toBe(true);
    expect(hasModestShape(nested(60))).toBe(true);
  });

  it('is told of any text, in time that grows with it alone', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ',', 'a'), minLength: 513, maxLength: 900 }),
        (text) => {
          expect(typeof hasModestShape(text)).toBe('boolean');
        },
      ),
    );
  });
});
