import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATED } from '../../../scripts/docs/render.js';
import { ERRORS } from '../../../src/common/errors.js';
import { METRICS } from '../../../src/metrics/catalogue.js';
import { BROKER_ERRORS } from '../../../src/queue/broker-error.js';

const read = (path: string): string => readFileSync(join(__dirname, '../../..', path), 'utf8');
/** First cells of a table's rows that look like this. */
const named = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, name = '']) => name);

describe('the documents made from the source', () => {
  it.each(Object.keys(GENERATED))('%s is up to date: run `npm run docs`', (path) => {
    expect(read(path)).toBe(GENERATED[path]?.(read(path)));
  });

  it('list every code of the catalogue and no other', () => {
    expect(named(read('docs/errors.md'), /^\| `([A-Z_]+)` \| \d{3} \|/gm)).toEqual(Object.keys(ERRORS));
  });

  it('have a remedy for every way in which a broker cannot be used, and no other', () => {
    expect(named(read('docs/queues.md'), /^\| `(BROKER_[A-Z_]+)` \|/gm)).toEqual(Object.keys(BROKER_ERRORS));
  });

  it('name every variable about queues', () => {
    const variables = named(read('.env.example'), /^# ((?:REDIS|KAFKA|QUEUE)_[A-Z_]+)=/gm);
    const document = read('docs/queues.md');
    expect(variables.filter((name) => !document.includes(`\`${name}\``))).toEqual([]);
  });

  it('list every metric of the catalogue and no other', () => {
    expect(named(read('docs/metrics.md'), /^\| `(fairline_\w+)` \|/gm)).toEqual(Object.keys(METRICS));
  });
});
