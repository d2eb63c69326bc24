import fc from 'fast-check';
import { arrayLiteral, textArrayLiteral } from './array-literal.js';

const self = <T>(value: T): T => value;

/** Reads a one-dimensional literal as the manual of PostgreSQL describes it. */
function parse(literal: string): (string | null)[] {
  if (literal === '{}') return [];
  const member = /"((?:[^"\\]|\\.)*)"|([^",{}\\]+)/gsu;
  const body = literal.slice(1, -1);
  const values: (string | null)[] = [];
  let at = 0;
  for (const found of body.matchAll(member)) {
    if (found.index !== at) throw new Error(`malformed array literal: ${literal}`);
    const [whole, quoted, plain] = found;
    if (plain !== undefined) values.push(/^null$/i.test(plain) ? null : plain);
    else values.push((quoted ?? '').replace(/\\(.)/gsu, '$1'));
    at += whole.length + 1;
  }
  if (at !== body.length + 1) throw new Error(`malformed array literal: ${literal}`);
  return values;
}

describe('An array literal', () => {
  it('of plain values lists them', () => {
    expect(arrayLiteral([1, 2, 3], self)).toBe('{1,2,3}');
    expect(arrayLiteral(['ab-1', 'cd-2'], self)).toBe('{ab-1,cd-2}');
    expect(arrayLiteral([], self)).toBe('{}');
  });

  it('of plain values keeps empty ones: a batch without keys has only empty hashes', () => {
    expect(parse(arrayLiteral(['', ''], self))).toEqual(['', '']);
    expect(parse(arrayLiteral([''], self))).toEqual(['']);
    expect(parse(arrayLiteral(['ab', '', 'cd'], self))).toEqual(['ab', '', 'cd']);
  });

  it('of texts tells null from the word and from the empty text', () => {
    const texts = [null, 'NULL', 'null', 'Null', '', 'plain'];
    expect(parse(textArrayLiteral(texts, self))).toEqual(texts);
  });

  it('of any texts reads back as those texts', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.constantFrom('{', '}', ',', '"', '\\', '\\"', ' a ', '\n'),
    );
    fc.assert(
      fc.property(fc.array(fc.option(text), { minLength: 1 }), (texts) => {
        expect(parse(textArrayLiteral(texts, self))).toEqual(texts);
      }),
    );
  });
});
