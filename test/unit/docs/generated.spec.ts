import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATED } from '../../../scripts/docs/render.js';
import { ERRORS } from '../../../src/common/errors.js';
import { METRICS } from '../../../src/metrics/catalogue.js';

const read = (path: string): string => readFileSync(join(__dirname, '../../..', path), 'utf8');
/** First cells of a table's rows that look like this. */
const named = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, name = '']) => name);

describe('the documents made from the source', () => {
  it.each(Object.keys(GENERATED))('%s is up to date: run `npm run docs`', (path) => {
    expect(read(path)).toBe(GENERATED[path]?.());
  });

  it('list every code of the catalogue and no other', () => {
    expect(named(read('docs/errors.md'), /^\| `([A-Z_]+)` \|/gm)).toEqual(Object.keys(ERRORS));
  });

  it('list every metric of the catalogue and no other', () => {
    expect(named(read('docs/metrics.md'), /^\| `(fairline_\w+)` \|/gm)).toEqual(Object.keys(METRICS));
  });
});
